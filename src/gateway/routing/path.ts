/**
 * The path of a request, read once and in one way. workerd hands `request.url` over as it was received (only a fragment is
 * cut off), while `new URL(request.url)` has already followed `..`, `%2e%2e` and `\`: what was asked for can no longer be
 * seen there. So the raw text is read here, whatever two servers could read in two ways is refused, and the rest goes on
 * in canonical percent-encoding (RFC 3986 §6.2.2), in which no later parser finds anything left to change.
 *
 * Refused, with the reason:
 * - dot segments in every spelling, also as `..;x` and `..%20`: servers that drop path parameters (Tomcat) or trailing
 *   blanks (Windows) would leave the registered base;
 * - `%2F`, `\`, `%5C`: one segment here, two there;
 * - `;` as such: where a server drops path parameters, `/admin;x` is its `/admin` and not ours, and a limit or scope on
 *   `/admin` would be walked around. `%3B` is plain data everywhere and passes;
 * - empty segments: servers that merge slashes (nginx) read `/admin//users` as `/admin/users`. One slash at the end passes;
 * - control characters, malformed percent-encoding, and octets that are not UTF-8 (`%C0%AE` is a `.` to a lenient decoder).
 *
 * What is encoded twice (`%252e`) is data that spells `%2e`, and stays so: it is decoded once, as RFC 3986 §2.4 demands.
 */

export const PATH_FAULTS = {
  host: 'The host is malformed',
  encoding: 'The path has malformed percent-encoding, or octets that are not UTF-8',
  control: 'The path has a control character',
  slash: 'The path has an encoded slash or a backslash',
  dots: 'The path has a dot segment',
  empty: 'The path has an empty segment',
  parameters: 'The path has path parameters (`;`)',
} as const;

export type PathFault = keyof typeof PATH_FAULTS;

export interface RequestTarget {
  /** Lower case, without a port, as the URL has it (the platform makes it from `Host`). */
  host: string;
  /** Raw; empty where the request had none (`OPTIONS *`). */
  path: string;
  /** Raw, with its `?`; empty if there is none. */
  search: string;
}

export interface RequestPath {
  /** Decoded. None contains a slash, so that they compare and join without doubt. */
  segments: readonly string[];
  /** What is passed on, in canonical percent-encoding. */
  canonical: string;
  /** Where in `canonical` each segment begins. */
  starts: readonly number[];
}

/** Cuts an absolute `request.url` without interpreting it. A `Host` like `a\b` or `me@a` is a fault. */
export function readTarget(url: string): RequestTarget | PathFault {
  const from = url.indexOf('://') + 3;
  let end = from;
  let colon = -1;
  for (; end < url.length; end++) {
    const code = url.charCodeAt(end);
    if (code === SLASH || code === QUESTION || code === HASH) break;
    if (code === COLON) colon = end;
    else if (code === BRACKET_CLOSE) colon = -1;
    else if (!isHostCharacter(code)) return 'host';
  }
  const name = url.slice(from, colon < 0 ? end : colon).toLowerCase();
  // `api.example.com.` is the same host, written as a root-anchored name.
  const host = name.endsWith('.') ? name.slice(0, -1) : name;
  if (host === '') return 'host';
  const hash = url.indexOf('#', end);
  const last = hash < 0 ? url.length : hash;
  const question = url.indexOf('?', end);
  const pathEnd = question < 0 || question > last ? last : question;
  return { host, path: url.slice(end, pathEnd), search: url.slice(pathEnd, last) };
}

/** Reads a raw path (`/a/b%20c`, or empty). */
export function readPath(path: string): RequestPath | PathFault {
  if (path === '') return EMPTY;
  if (path.charCodeAt(0) !== SLASH) return 'empty';
  const segments: string[] = [];
  const starts: number[] = [];
  let from = 1;
  let plain = true;
  for (let at = 1; at <= path.length; at++) {
    const code = at === path.length ? SLASH : path.charCodeAt(at);
    if (code !== SLASH) {
      if (code > 127 || PLAIN[code] === 0) plain = false;
      continue;
    }
    if (!plain) return readEncodedPath(path);
    const segment = path.slice(from, at);
    if (segment === '') {
      if (at < path.length) return 'empty';
    } else {
      if (segment === '.' || segment === '..') return 'dots';
      segments.push(segment);
      starts.push(from);
    }
    from = at + 1;
  }
  return { segments, canonical: path, starts };
}

/** The canonical path from the segment of that index on: empty if there is nothing, else it begins with a slash. */
export function pathFrom(path: RequestPath, index: number): string {
  const start = path.starts[index];
  if (start !== undefined) return path.canonical.slice(start - 1);
  return path.canonical.endsWith('/') ? '/' : '';
}

/** The canonical path up to, and without, the segment of that index: the address under which something is reached. */
export function pathBefore(path: RequestPath, index: number): string {
  const start = path.starts[index];
  if (start !== undefined) return path.canonical.slice(0, start - 1);
  return path.canonical.endsWith('/') ? path.canonical.slice(0, -1) : path.canonical;
}

interface SegmentText {
  decoded: string;
  canonical: string;
}

/** A part of a segment, decoded and in canonical percent-encoding. Dots alone are no fault in a part. */
export function readText(raw: string): SegmentText | PathFault {
  if (raw.includes(';')) return 'parameters';
  try {
    const decoded = decodeURIComponent(raw);
    if (SLASHES.test(decoded)) return 'slash';
    if (CONTROLS.test(decoded)) return 'control';
    return { decoded, canonical: raw.replace(NOT_PLAIN, canonicalOf) };
  } catch {
    // A `URIError`: of a malformed encoding, or of half a surrogate pair that has none.
    return 'encoding';
  }
}

/** A whole segment. */
export function readSegment(raw: string): SegmentText | PathFault {
  const text = readText(raw);
  return DOTS.test(typeof text === 'string' ? raw : text.decoded) ? 'dots' : text;
}

/** The way for paths that have at least one octet to decode, to encode or to refuse. */
function readEncodedPath(path: string): RequestPath | PathFault {
  const raws = path.slice(1).split('/');
  const segments: string[] = [];
  const starts: number[] = [];
  let canonical = '';
  for (const [index, raw] of raws.entries()) {
    if (raw === '') {
      if (index < raws.length - 1) return 'empty';
      canonical += '/';
      break;
    }
    const read = readSegment(raw);
    if (typeof read === 'string') return read;
    starts.push(canonical.length + 1);
    segments.push(read.decoded);
    canonical += `/${read.canonical}`;
  }
  return { segments, canonical, starts };
}

/** Unreserved characters are decoded, other encodings get upper case digits, and what may not stand in a path is encoded. */
function canonicalOf(part: string): string {
  if (part.length !== 3 || part.charCodeAt(0) !== PERCENT) return encodeURIComponent(part);
  const octet = String.fromCharCode(Number.parseInt(part.slice(1), 16));
  return UNRESERVED.test(octet) ? octet : part.toUpperCase();
}

const [SLASH, QUESTION, HASH, COLON, PERCENT, BRACKET_OPEN, BRACKET_CLOSE] = [47, 63, 35, 58, 37, 91, 93];

/** `pchar` of RFC 3986 §3.3 without `;`; a dot is plain too, and judged when its segment ends. */
const PLAIN = new Uint8Array(128);
for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=:@") {
  PLAIN[character.charCodeAt(0)] = 1;
}

/** Letters, digits, `-`, `.`, `_`, and the brackets of an IPv6 address. Other names reach us in their ASCII form. */
const isHostCharacter = (code: number) =>
  (code >= 97 && code <= 122) ||
  (code >= 65 && code <= 90) ||
  (code >= 48 && code <= 57) ||
  code === 45 ||
  code === 46 ||
  code === 95 ||
  code === BRACKET_OPEN;

const UNRESERVED = /^[A-Za-z0-9\-._~]$/;
const NOT_PLAIN = /%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-._~!$&'()*+,=:@]/gu;
const SLASHES = /[/\\]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for (C0, DEL, C1).
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/;
const DOTS = /^\.\.? *(?:;|$)/;
const EMPTY: RequestPath = { segments: [], canonical: '', starts: [] };
