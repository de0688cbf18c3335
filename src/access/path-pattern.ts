/**
 * Methods, and patterns of paths, as keys and limits name endpoints: whole segments, where `*` is any one segment and
 * `**` at the end any number of them.
 */

/** Whether a text is a pattern. Queries, fragments, empty and dot segments are in no path once it was parsed. */
export function isPathPattern(text: string): boolean {
  const segments = text.split('/');
  if (segments.shift() !== '' || segments.length === 0) return false;
  return segments.every((segment, index) => {
    if (segment === '*') return true;
    if (segment === '**') return index === segments.length - 1;
    return /^[A-Za-z0-9._~!$&'()+,;=:@%-]+$/.test(segment) && segment !== '.' && segment !== '..';
  });
}

/** One resource has two addresses; what limits it by the one holds for the other. */
export const canonicalPath = (path: string): string => path.replace(/^\/api\/v1\/keys(?=\/|$)/, '/api/v1/api-keys');

/** Segment by segment, so that the time is linear in the path whatever the pattern. */
export function matchesPath(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const given = path.split('/');
  const open = wanted.at(-1) === '**';
  if (open) wanted.pop();
  if (open ? given.length < wanted.length : given.length !== wanted.length) return false;
  return wanted.every((segment, index) => (segment === '*' ? given[index] !== '' : segment === given[index]));
}

export const HTTP_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/** HEAD is GET without the body (RFC 9110 §9.3.2), so what is said of GET holds for it. */
export const includesMethod = (methods: readonly string[], method: string): boolean =>
  methods.includes(method) || (method === 'HEAD' && methods.includes('GET'));
