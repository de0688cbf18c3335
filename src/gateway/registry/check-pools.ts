import type { ErrorDetail } from '../../kernel/errors.ts';
import { upstreamUrl } from './compile-pools.ts';
import type { PoolsDefinition } from './pool-shape.ts';

/** What a pool is called that the short form `upstreams` stands for. */
const DEFAULT_POOL = 'default';

export const poolNames = ({ pools }: PoolsDefinition): string[] => pools?.map(({ name }) => name) ?? [DEFAULT_POOL];

type Upstreams = NonNullable<PoolsDefinition['upstreams']>;

export function* poolFaults(
  api: PoolsDefinition,
  urlFault: (url: string) => string | undefined,
): Generator<ErrorDetail> {
  const { upstreams, pools = [] } = api;
  if ((upstreams === undefined) === (api.pools === undefined)) {
    yield { path: 'upstreams', message: 'is needed unless there are pools, and must be left out then' };
  }
  yield* healthFaults('health_check', api.health_check);
  if (upstreams) yield* upstreamFaults('upstreams', upstreams, urlFault);
  const names = poolNames(api);
  for (const [index, pool] of pools.entries()) {
    const path = `pools.${index}`;
    if (names.indexOf(pool.name) < index) yield { path: `${path}.name`, message: 'is the name of another pool' };
    yield* healthFaults(`${path}.health_check`, pool.health_check);
    yield* upstreamFaults(`${path}.upstreams`, pool.upstreams, urlFault);
  }
}

function* healthFaults(path: string, check: PoolsDefinition['health_check']): Generator<ErrorDetail> {
  if (check?.timeout_ms !== undefined && check.timeout_ms > (check.interval_ms ?? check.timeout_ms)) {
    yield { path: `${path}.timeout_ms`, message: 'must not be longer than interval_ms' };
  }
}

function* upstreamFaults(path: string, upstreams: Upstreams, urlFault: (url: string) => string | undefined) {
  const seen = new Set<string>();
  for (const [index, { url }] of upstreams.entries()) {
    const at = `${path}.${index}.url`;
    const fault = url.includes('?') ? 'must not have a query' : urlFault(url);
    if (fault !== undefined) {
      yield { path: at, message: fault };
      continue;
    }
    if (seen.has(upstreamUrl(url))) yield { path: at, message: 'is in the pool already' };
    seen.add(upstreamUrl(url));
  }
  const primaries = upstreams.filter(({ backup }) => !backup);
  if (primaries.length === 0) yield { path, message: 'must have one that is no backup' };
  else if (primaries.every(({ weight }) => weight === 0)) yield { path, message: 'must have a weight above 0' };
}
