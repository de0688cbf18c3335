/** What of a request is found again in the data that it is answered with. */
export interface Echo {
  /** By the names in the endpoint's path, in its order. */
  params: ReadonlyMap<string, string>;
  /** The request's own body, if that was JSON. */
  body: unknown;
}

type Members = Record<string, unknown>;

const isMembers = (value: unknown): value is Members =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

const plain = (name: string) => name.replace(/[^A-Za-z0-9]/g, '').toLowerCase();

/**
 * Puts what the caller sent in the place of what was made up, where name and kind are the same: an order that was asked for
 * by its id has that id. The last parameter of the path is also the `id` if its name ends so. Of an envelope (`data`) the
 * inside counts.
 */
export function withEcho(data: unknown, echo: Echo): unknown {
  if (!isMembers(data)) return data;
  const inner = data['data'];
  const changed = withMembers(data, echo);
  return isMembers(inner) ? { ...changed, data: withMembers(inner, echo) } : changed;
}

function withMembers(data: Members, { params, body }: Echo): Members {
  const sent = new Map<string, unknown>();
  if (isMembers(body)) for (const [name, value] of Object.entries(body)) sent.set(plain(name), value);
  const last = [...params].at(-1);
  if (last && /id$/i.test(last[0])) sent.set('id', last[1]);
  for (const [name, value] of params) sent.set(plain(name), value);
  const members = Object.entries(data).map(([name, value]) => [name, like(value, sent.get(plain(name)))]);
  return Object.fromEntries(members);
}

/** `sent` as the kind of value that `made` is; `made` itself where it cannot be. */
function like(made: unknown, sent: unknown): unknown {
  if (sent === undefined) return made;
  if (typeof sent === 'string' && typeof made === 'number') return /^-?\d{1,15}$/.test(sent) ? Number(sent) : made;
  const same = typeof sent === typeof made && Array.isArray(sent) === Array.isArray(made) && made !== null;
  return same ? sent : made;
}
