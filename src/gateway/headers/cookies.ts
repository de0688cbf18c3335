/** Where the cookies of an upstream belong at the gateway. */
export interface CookieScope {
  /** Path of the API at the gateway, without a trailing slash; empty on a host of its own. */
  mount: string;
  /** Address of the upstream, as `CompiledUpstream.url` has it. */
  upstream: string;
}

/**
 * A `Set-Cookie` value of an upstream, bound to the API that set it: APIs of many organizations share our host, and a
 * cookie for all of it would reach, or replace, those of others (RFC 6265 §8.5, §8.6). `Domain` goes, and `Path` moves
 * from below the upstream's own path to below the API's, as nginx's proxy_cookie_path does.
 */
export function publicCookie(cookie: string, { mount, upstream }: CookieScope): string {
  const [pair = '', ...attributes] = cookie.split(';');
  let path: string | undefined;
  const kept = attributes.filter((attribute) => {
    const [name = '', value = ''] = attribute.split('=', 2);
    const key = name.trim().toLowerCase();
    if (key === 'path') path = value.trim();
    return key !== 'path' && key !== 'domain';
  });
  const scope = path?.startsWith('/') ? `${mount}${belowBase(path, upstream)}` || '/' : mount || undefined;
  return [pair.trim(), ...kept.map((attribute) => attribute.trim()), ...(scope ? [`Path=${scope}`] : [])].join('; ');
}

/** The path without the upstream's own; one for the whole of a host, or of the upstream, is for the whole API. */
function belowBase(path: string, upstream: string): string {
  const base = new URL(upstream).pathname.replace(/\/$/, '');
  const isBelow = path === base || path.startsWith(`${base}/`);
  const rest = isBelow ? path.slice(base.length) : path;
  return rest === '/' ? '' : rest;
}
