/** What a request's `Accept` says about versions. */
export type AcceptedVersion =
  /** Nothing: any will do. */
  | { kind: 'any' }
  | { kind: 'version'; name: string }
  /** Only such as will not do. */
  | { kind: 'none'; asked: string };

/**
 * Reads the version out of `Accept` (RFC 9110 §12.5.1): the parameter `version`, or the last label of a vendor's subtype
 * (`application/vnd.acme.v2+json`) where that is a version or looks like one. The range with the highest `q` decides, of
 * equals the one that names a version, then the first: who also accepts a range without one is content with any.
 * `only`: the version that has been chosen elsewhere, beside which no other will do.
 */
export function readAccept(field: string, versions: ReadonlySet<string>, only: string | null): AcceptedVersion {
  if (!NAMES_VERSION.test(field)) return ANY;
  let best: AcceptedVersion | null = null;
  let bestWeight = 0;
  let missing: string | null = null;
  for (const range of splitOutsideQuotes(field, ',')) {
    const { version, weight } = readRange(range, versions);
    if (weight === 0) continue;
    if (version !== null && !(only === null ? versions.has(version) : version === only)) {
      missing ??= version;
      continue;
    }
    if (weight > bestWeight || (weight === bestWeight && best?.kind === 'any' && version !== null)) {
      best = version === null ? ANY : { kind: 'version', name: version };
      bestWeight = weight;
    }
  }
  return best ?? (missing === null ? ANY : { kind: 'none', asked: missing });
}

function readRange(range: string, versions: ReadonlySet<string>): { version: string | null; weight: number } {
  const [type = '', ...parameters] = splitOutsideQuotes(range, ';');
  let version = VENDOR.exec(type.trim())?.[1] ?? null;
  if (version !== null && !versions.has(version) && !looksLikeVersion(version)) version = null;
  let weight = 1;
  for (const parameter of parameters) {
    const equals = parameter.indexOf('=');
    if (equals < 0) continue;
    const name = parameter.slice(0, equals).trim().toLowerCase();
    const value = unquoted(parameter.slice(equals + 1).trim());
    if (name === 'version') version = value;
    else if (name === 'q') weight = WEIGHT.test(value) ? Number(value) : 0;
  }
  return { version, weight };
}

/** `v3`, `V3.1`: what nobody would take for the name of a resource. */
export const looksLikeVersion = (text: string) => /^v\d{1,9}(?:\.\d{1,9})*$/i.test(text);

/** Splits a list or its parameters; a separator in a quoted string (RFC 9110 §5.6.4) is none. */
function splitOutsideQuotes(text: string, separator: string): string[] {
  if (!text.includes('"')) return text.split(separator);
  const parts: string[] = [];
  let from = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (quoted && character === '\\') at++;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === separator) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

const unquoted = (value: string) =>
  value.length > 1 && value.startsWith('"') && value.endsWith('"')
    ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1')
    : value;

const ANY: AcceptedVersion = { kind: 'any' };
/** Most fields name none, and are not read any further. */
const NAMES_VERSION = /version|vnd\./i;
const VENDOR = /^[^/]+\/vnd\.(?:[^+]*\.)?([^.+]+)(?:\+.*)?$/i;
const WEIGHT = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;
