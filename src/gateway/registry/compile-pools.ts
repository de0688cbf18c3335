import type { BreakerSettings, CompiledPool, CompiledUpstream, HealthCheck } from '../compiled.ts';
import type { PoolDefinition, PoolsDefinition } from './pool-shape.ts';

/** An upstream's address in its one form: no slash at the end, and no dot at the end of the host. */
export function upstreamUrl(text: string): string {
  const url = URL.parse(text);
  if (!url) return text;
  url.hostname = url.hostname.replace(/\.$/, '');
  return url.href.replace(/\/+$/, '');
}

/** Every upstream's address. */
export const upstreamsOf = (pools: PoolsDefinition): URL[] =>
  poolsOf(pools).flatMap(({ upstreams }) => upstreams.map(({ url }) => new URL(upstreamUrl(url))));

/** The short form stands for one pool. */
export const poolsOf = ({ upstreams = [], pools }: PoolsDefinition): readonly PoolDefinition[] =>
  pools ?? [{ name: 'default', upstreams }];

/** `isProven`: whether the organization has shown that the upstream is its own. */
export function compilePools(api: PoolsDefinition, isProven: (url: URL) => boolean): CompiledPool[] {
  const { balancing, health_check, circuit_breaker, ejection } = api;
  const shared = { balancing, health_check, circuit_breaker, ejection };
  return poolsOf(api).map((pool) => compilePool({ ...shared, ...pool }, isProven));
}

type Shared = { [Field in 'balancing' | 'health_check' | 'circuit_breaker' | 'ejection']?: unknown };

type WholePool = Omit<PoolDefinition, keyof Shared> & Pick<PoolsDefinition, keyof Shared>;

function compilePool(pool: WholePool, isProven: (url: URL) => boolean): CompiledPool {
  const upstreams = pool.upstreams.map(({ url, weight = 1, backup = false }): CompiledUpstream => {
    const address = upstreamUrl(url);
    return { id: `${pool.name} ${address}`, url: address, weight, backup, proven: isProven(new URL(address)) };
  });
  const { consecutive_failures = 5, for_ms = 30_000, slow_start_ms = 30_000 } = pool.ejection ?? {};
  return {
    name: pool.name,
    upstreams,
    balancing: compileBalancing(pool),
    healthCheck: compileHealthCheck(pool.health_check),
    breaker: compileBreaker(pool.circuit_breaker),
    ejection: { consecutiveFailures: consecutive_failures, forMs: for_ms, slowStartMs: slow_start_ms },
  };
}

/** Weights that differ are meant to be followed. */
function compileBalancing({ balancing = {}, upstreams }: WholePool): CompiledPool['balancing'] {
  const weighted = upstreams.some(({ weight = 1 }) => weight !== (upstreams[0]?.weight ?? 1));
  const { algorithm = weighted ? 'weighted' : 'round_robin', hash_on = 'key' } = balancing;
  return {
    algorithm,
    hashOn: typeof hash_on === 'string' ? { kind: hash_on } : { kind: 'header', name: hash_on.header.toLowerCase() },
  };
}

function compileHealthCheck(check: PoolsDefinition['health_check']): HealthCheck | null {
  if (!check) return null;
  const { path, interval_ms = 30_000, expected_status = [200], healthy_after = 2, unhealthy_after = 3 } = check;
  const { timeout_ms = Math.min(5_000, interval_ms) } = check;
  return {
    path,
    intervalMs: interval_ms,
    timeoutMs: timeout_ms,
    expectedStatus: expected_status,
    healthyAfter: healthy_after,
    unhealthyAfter: unhealthy_after,
  };
}

/** Slow calls alone open nothing unless all of them are slow, or the definition says so. */
function compileBreaker(settings: PoolsDefinition['circuit_breaker'] = {}): BreakerSettings {
  const { window_ms = 10_000, minimum_calls = 20, error_rate = 0.5 } = settings;
  const { slow_call_ms = 10_000, slow_call_rate = 1, open_ms = 10_000, probes = 3 } = settings;
  return {
    windowMs: window_ms,
    minimumCalls: minimum_calls,
    errorRate: error_rate,
    slowCallMs: slow_call_ms,
    slowCallRate: slow_call_rate,
    openMs: open_ms,
    probes,
  };
}
