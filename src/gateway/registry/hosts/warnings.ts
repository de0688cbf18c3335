import type { Executor } from '../../../db/client.ts';
import type { ErrorDetail } from '../../../kernel/errors.ts';
import { upstreamUrl } from '../compile-pools.ts';
import type { PoolsDefinition } from '../pool-shape.ts';
import { provenHosts } from './store.ts';

interface Of {
  organizationId: string;
  definition: PoolsDefinition;
  /** The operator vouches for the address. */
  isListed(url: URL): boolean;
}

/** Every host of a definition that the organization has not shown to be its own, where it first stands. */
export async function hostWarnings(db: Executor, { organizationId, definition, isListed }: Of): Promise<ErrorDetail[]> {
  const places = new Map<string, string>();
  for (const { path, url } of placesOf(definition)) {
    if (!isListed(url) && !places.has(url.hostname)) places.set(url.hostname, path);
  }
  if (places.size === 0) return [];
  const proven = await provenHosts(db, organizationId);
  const unproven = [...places].filter(([host]) => !proven.has(host));
  return unproven.map(([host, path]) => ({ path, message: messageOf(host) }));
}

const messageOf = (host: string) =>
  `gets no calls before ${host} has been shown to be yours: GET /api/v1/upstream-hosts tells what it has to show, ` +
  `POST /api/v1/upstream-hosts/${host}/verify has it looked at`;

function* placesOf({ upstreams = [], pools = [] }: PoolsDefinition): Generator<{ path: string; url: URL }> {
  for (const [index, { url }] of upstreams.entries()) yield placeOf('', index, url);
  for (const [at, pool] of pools.entries()) {
    for (const [index, { url }] of pool.upstreams.entries()) yield placeOf(`pools.${at}.`, index, url);
  }
}

const placeOf = (part: string, index: number, url: string) => ({
  path: `${part}upstreams.${index}.url`,
  url: new URL(upstreamUrl(url)),
});
