/**
 * A `Set-Cookie` value of an upstream, bound to the API that set it: APIs of many organizations share our host, and a
 * cookie for all of it would reach, or replace, those of others (RFC 6265 §8.5, §8.6). `Domain` goes, and `Path` moves
 * below the API's own path, as nginx's proxy_cookie_path does.
 * @param mount path of the API at the gateway, without a trailing slash; empty on a host of its own
 */
export function publicCookie(cookie: string, mount: string): string {
  const [pair = '', ...attributes] = cookie.split(';');
  let path: string | undefined;
  const kept = attributes.filter((attribute) => {
    const [name = '', value = ''] = attribute.split('=', 2);
    const key = name.trim().toLowerCase();
    if (key === 'path') path = value.trim();
    return key !== 'path' && key !== 'domain';
  });
  const scope = path?.startsWith('/') ? `${mount}${path === '/' && mount !== '' ? '' : path}` : mount || undefined;
  return [pair.trim(), ...kept.map((attribute) => attribute.trim()), ...(scope ? [`Path=${scope}`] : [])].join('; ');
}
