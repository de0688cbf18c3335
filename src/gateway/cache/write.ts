import type { FieldReader } from '../../http/header-fields.ts';

/**
 * Paths that the answer to a write names as changed too (RFC 9111 §4.4): its Location and Content-Location, where they
 * lie below one of the API's upstreams; a path elsewhere is nothing that this API's cache could hold.
 */
export function locatedPaths(headers: FieldReader, path: string, bases: readonly URL[]): string[] {
  const named = [headers.get('location'), headers.get('content-location')].filter((value) => value !== null);
  return named.flatMap((reference) => bases.flatMap((base) => pathBelow(base, path, reference) ?? []));
}

function pathBelow(base: URL, path: string, reference: string): string | null {
  const root = base.pathname.replace(/\/$/, '');
  if (!URL.canParse(reference, base.origin)) return null;
  const { origin, pathname } = new URL(reference, `${base.origin}${root}${path}`);
  if (origin !== base.origin) return null;
  if (pathname === root) return '/';
  return pathname.startsWith(`${root}/`) ? pathname.slice(root.length) : null;
}
