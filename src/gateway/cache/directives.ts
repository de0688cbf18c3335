/** Cache-Control as a table; a directive without a value has an empty one. */
export type Directives = ReadonlyMap<string, string>;

const NONE: Directives = new Map();

// One directive of RFC 9111 §5.2: token, or token=token, or token="quoted". Every part excludes what ends it, so it is linear.
const DIRECTIVE = /[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?[ \t]*(?:,|$)/y;

/** RFC 9111 §1.2.2: what does not fit counts as 2^31 seconds. */
const LONGEST = 2 ** 31;

/**
 * Reads a Cache-Control field. What is malformed ends at the next comma, so that `max-age="60, no-store` still means
 * no-store. A directive written twice counts with its smaller value (§4.2.1 wants the first or none: the smaller is
 * never fresher than either).
 */
export function parseDirectives(field: string | null): Directives {
  if (field === null || field === '') return NONE;
  const found = new Map<string, string>();
  let at = 0;
  while (at < field.length) {
    DIRECTIVE.lastIndex = at;
    const match = DIRECTIVE.exec(field);
    if (match === null) {
      const comma = field.indexOf(',', at);
      if (comma === -1) break;
      at = comma + 1;
      continue;
    }
    keep(found, (match[1] ?? '').toLowerCase(), match[2] ?? match[3] ?? '');
    at = DIRECTIVE.lastIndex;
  }
  return found;
}

function keep(found: Map<string, string>, name: string, value: string): void {
  const before = found.get(name);
  if (before === undefined || toSeconds(value) < toSeconds(before)) found.set(name, value);
}

/** Delta-seconds; what is none counts as 0, which is stale (RFC 9111 §4.2.1). */
function toSeconds(value: string): number {
  return /^\d+$/.test(value) ? Math.min(Number(value), LONGEST) : 0;
}

/** The seconds of a directive; `null` where it is not there. */
export function secondsOf(directives: Directives, name: string): number | null {
  const value = directives.get(name);
  return value === undefined ? null : toSeconds(value);
}
