import type { CompiledApi } from '../compiled.ts';

/** Under which names an organization's APIs are reached. */
export interface Names {
  /** Of the deployment: `https://api.example.com`. */
  baseUrl: string;
  /** Of the organization; nothing when it is gone. */
  slug: string | undefined;
  /** Its own hosts, each with the slug of the API that all of it belongs to. */
  hosts: readonly Readonly<{ host: string; api: string | null }>[];
}

/** Every address at which an API can be called, the organization's own hosts first. A private one has none that tells of it. */
export function addressesOf(
  { slug, visibility }: Pick<CompiledApi, 'slug' | 'visibility'>,
  { baseUrl, slug: organization, hosts }: Names,
): string[] {
  const byCredential = `${baseUrl}/api/v1/${slug}`;
  if (visibility === 'private') return [byCredential];
  const own = hosts.flatMap(({ host, api }) => {
    if (api === slug) return [`https://${host}`];
    return api === null ? [`https://${host}/${slug}`] : [];
  });
  return [...own, ...(organization === undefined ? [] : [`${baseUrl}/g/${organization}/${slug}`]), byCredential];
}
