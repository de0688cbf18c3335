import type { CompiledApi, CompiledPool, CompiledUpstream, Policy } from '../../../src/gateway/compiled.ts';
import type { Logger } from '../../../src/telemetry/log.ts';

/** APIs with upstreams, as they are published. */

const ORGANIZATION = '0192f0c1-a2b3-7c4d-8e9f-a0b1c2d3e4f5';

export const upstreamOf = (id: string, fields: Partial<CompiledUpstream> = {}): CompiledUpstream => ({
  ...{ id, url: `https://${id}.example.com`, weight: 1, backup: false, proven: true },
  ...fields,
});

export const poolOf = (upstreams: CompiledUpstream[], fields: Partial<CompiledPool> = {}): CompiledPool => ({
  name: 'default',
  upstreams,
  balancing: { algorithm: 'round_robin', hashOn: { kind: 'key' } },
  healthCheck: null,
  breaker: {
    ...{ windowMs: 10_000, minimumCalls: 5, errorRate: 0.5, slowCallMs: 1_000, slowCallRate: 0.8 },
    ...{ openMs: 5_000, probes: 2 },
  },
  ejection: { consecutiveFailures: 1_000, forMs: 10_000, slowStartMs: 0 },
  ...fields,
});

const POLICY: Policy = {
  ...{ cost: 1, scopes: [], split: [], timeoutMs: 3_000, retries: 0, maxRequestBytes: null, mock: [] },
  cache: {
    ...{ mode: 'off', ttlSeconds: 0, staleWhileRevalidateSeconds: 0, staleIfErrorSeconds: 0, varyHeaders: [] },
    ...{ queryParameters: null, tags: [], perCaller: false, maxBytes: 0 },
  },
  request: { headers: [], query: [], path: null, body: null },
  response: { headers: [], body: null, status: [], mask: [] },
  credentials: { passOn: [], inject: [] },
};

export const apiOf = (pools: CompiledPool[], fields: Partial<CompiledApi> = {}): CompiledApi => ({
  ...{ id: crypto.randomUUID(), organizationId: ORGANIZATION, revision: 1, slug: 'orders', name: 'Orders' },
  ...{ visibility: 'keyed', versioning: { by: ['path'], default: null }, versions: [], endpoints: [], cors: null },
  lifecycle: { status: 'active', deprecatedAt: null, sunsetAt: null, documentationUrl: null, successor: null },
  addressLimit: { units: 1, window: 'second' },
  websocket: { idleMs: 1_000, maxMessageBytes: 1_000, maxConnections: 1 },
  purged: { all: 0, endpoints: {}, tags: {} },
  pools,
  policy: POLICY,
  ...fields,
});

/** Keeps what was logged. */
export function memoryLog() {
  const lines: { event: string; fields: Record<string, unknown> | undefined }[] = [];
  const write = (event: string, fields?: Record<string, unknown>) => void lines.push({ event, fields });
  const log: Logger = { info: write, warn: write, error: write };
  return { lines, log };
}
