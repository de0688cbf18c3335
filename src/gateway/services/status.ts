import type { CompiledApi, CompiledPool, CompiledUpstream } from '../compiled.ts';
import type { Watched, WatchedUpstream } from '../watch/protocol.ts';

export const SERVICE_STATUS = ['healthy', 'degraded', 'unhealthy', 'unknown'] as const;

/**
 * `healthy`: every upstream takes calls; `unhealthy`: none can; `degraded`: some; `unknown`: nothing was heard of them.
 */
export type ServiceStatus = (typeof SERVICE_STATUS)[number];

export const UPSTREAM_STATES = [
  'serving',
  'standby',
  'ejected',
  'unhealthy',
  'open',
  'half_open',
  'refused',
  'unproven',
] as const;

/** Why an upstream takes no calls, or that it does; of several reasons the one that weighs most. */
export type UpstreamState = (typeof UPSTREAM_STATES)[number];

export function upstreamState(upstream: CompiledUpstream, watched: WatchedUpstream | undefined): UpstreamState {
  if (!upstream.proven) return 'unproven';
  if (watched?.refused) return 'refused';
  if (watched && watched.breaker.state !== 'closed') return watched.breaker.state;
  if (watched?.health === 'unhealthy') return 'unhealthy';
  if (watched && watched.ejectedUntil !== null) return 'ejected';
  return upstream.backup ? 'standby' : 'serving';
}

const isAble = (state: UpstreamState) => state === 'serving' || state === 'standby';

/** @param watched nothing when the API's object knows nothing of it, or could not be asked */
export function serviceStatus(api: CompiledApi, watched: Watched | undefined): ServiceStatus {
  const known = new Map(watched?.upstreams.map((upstream) => [upstream.id, upstream]));
  const pools = api.pools.map((pool) => poolStatus(pool, known));
  if (pools.every((status) => status === 'unhealthy')) return 'unhealthy';
  if (pools.some((status) => status !== 'healthy')) return 'degraded';
  return watched && isHeardOf(watched) ? 'healthy' : 'unknown';
}

/** No call and no check has shown anything yet. */
const isHeardOf = ({ heardAt, upstreams }: Watched) =>
  heardAt !== null || upstreams.some(({ checkedAt }) => checkedAt !== null);

function poolStatus(pool: CompiledPool, known: ReadonlyMap<string, WatchedUpstream>): ServiceStatus {
  const able = pool.upstreams.filter((upstream) => isAble(upstreamState(upstream, known.get(upstream.id))));
  if (able.length === 0) return 'unhealthy';
  return able.length === pool.upstreams.length ? 'healthy' : 'degraded';
}
