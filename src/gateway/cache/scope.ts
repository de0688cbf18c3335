import type { CachePolicy, CompiledApi, Policy } from '../compiled.ts';
import { generationsOf } from './purge.ts';
import { writtenFields } from './written.ts';

/** Made-up addresses: `.invalid` belongs to nobody (RFC 2606), so no key is ever another cache's URL. */
const HOST = 'https://cache.weir.invalid/1';

/**
 * A part of a key. The letter in front keeps `.` and `..` from being dot segments, which the URL parser would drop;
 * `/` and everything else that separates is escaped, so a part ends where we end it.
 */
export const part = (letter: string, text: string): string => `/${letter}${encodeURIComponent(text)}`;

/** Fields by which an upstream tells its own users apart. */
export const CREDENTIALS: readonly string[] = ['authorization', 'cookie', 'x-api-key'];

/** What of caching is the same for every call of an endpoint in a version: made once per snapshot, by `cacheScope`. */
export interface CacheScope {
  policy: CachePolicy;
  /** Begins the keys of answers, and of notes about paths that were written to. */
  answers: string;
  paths: string;
  /** Lower case and sorted; without Accept-Encoding, which every key has as a class. */
  vary: readonly string[];
  /** Whether the values of these fields are written as a digest: credentials, and what the transform made of who calls. */
  isHidden: boolean;
  /** Whether the pool belongs to the key: several take calls, and a canary may answer otherwise. */
  byPool: boolean;
  parameters: ReadonlySet<string> | null;
  /** Whether any endpoint of the API caches: otherwise a write has nothing to invalidate. */
  invalidates: boolean;
  /** Where the API's upstreams stand; a Location below one of them names a path of the API. */
  bases: readonly URL[];
}

interface Place {
  /** `null`: the API has no endpoints. */
  endpointId: string | null;
  version: string | null;
  /** Merged: endpoint over version over API. */
  policy: Pick<Policy, 'cache' | 'request' | 'split'>;
}

export function cacheScope(
  api: CompiledApi,
  { endpointId, version, policy: { cache: policy, request, split } }: Place,
): CacheScope {
  const owner = part('o', api.organizationId) + part('a', api.id);
  const generations = generationsOf(api.purged, endpointId, policy.tags);
  const written = writtenFields(request.headers);
  const names = new Set([...policy.varyHeaders.map((name) => name.toLowerCase()), ...written]);
  names.delete('accept-encoding');
  const vary = [...names].sort();
  const parameters = policy.queryParameters === null ? null : new Set(policy.queryParameters);
  // What a key is made of is part of it: after a change of policy, no answer is found that was stored by other rules.
  const rules = [policy.perCaller ?? 'authorized', policy.mode, ...vary].join(',');
  return {
    policy,
    answers:
      HOST +
      owner +
      part('g', generations) +
      (endpointId === null ? '/-' : part('e', endpointId)) +
      (version === null ? '/-' : part('v', version)) +
      part('r', rules),
    paths: `${HOST}${owner}/w`,
    vary,
    isHidden: written.length > 0 || vary.some((name) => CREDENTIALS.includes(name)),
    byPool: split.filter(({ weight }) => weight > 0).length > 1,
    parameters,
    invalidates: cachesAnywhere(api),
    bases: api.pools.flatMap((pool) => pool.upstreams.map((upstream) => new URL(upstream.url))),
  };
}

function cachesAnywhere({ policy, versions, endpoints }: CompiledApi): boolean {
  const modes = [policy, ...versions.map((one) => one.policy), ...endpoints.map((one) => one.policy)];
  return modes.some(({ cache }) => cache !== undefined && cache.mode !== 'off');
}
