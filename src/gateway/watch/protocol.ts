import type { ProbeResult } from '../breaker/breaker.ts';
import type { CompiledApi, CompiledPool } from '../compiled.ts';

/** What isolates and the object `UpstreamWatch` of an API say to each other. Durations are milliseconds: no two clocks agree. */

/** What the object must know of an API. */
export interface WatchSettings {
  organizationId: string;
  apiId: string;
  slug: string;
  revision: number;
  /** No call to an upstream waits longer for its answer's header fields. */
  longestCallMs: number;
  pools: readonly CompiledPool[];
}

/** What an isolate saw of an upstream since it last told. */
export interface Counts {
  id: string;
  calls: number;
  failures: number;
  slow: number;
  /** Failures after the last success. */
  failuresInARow: number;
}

export interface Report {
  /** Of the API, as the isolate knows it. */
  revision: number;
  /** When the object knows of an older one. */
  settings?: WatchSettings;
  counts: readonly Counts[];
  /** Probes that have come back; told again until an answer says that they arrived. */
  results: readonly { upstream: string; permitId: string; result: ProbeResult }[];
  /** Probes that are asked for. */
  wants: readonly { upstream: string; probes: number }[];
}

/** An upstream that is not as one would wish. */
export interface SharedStanding {
  id: string;
  breaker: 'closed' | 'open' | 'half_open';
  /** Until an open breaker lets probes through. */
  openForMs: number;
  unhealthy: boolean;
  /** Its name leads to an address that nothing is sent to. */
  refused: boolean;
  ejectedForMs: number;
  /** Since when it is back; `null` when that was long ago. */
  backForMs: number | null;
}

export interface ReportAnswer {
  /** What the object knows of; 0 when it knows nothing. */
  revision: number;
  /** When to tell and ask again, if there is traffic. */
  nextInMs: number;
  /** Every other upstream is as one would wish. */
  standings: readonly SharedStanding[];
  /** Probes for this isolate: calls under them begin within the time, or not at all. */
  permits: readonly { upstream: string; permitId: string; startWithinMs: number }[];
}

/** In which a call under a permit has to begin. */
export const START_WITHIN_MS = 2_000;

export const UPSTREAM_HEALTH = ['unknown', 'healthy', 'unhealthy'] as const;

/** What health checks say; `unknown` without any. */
export type UpstreamHealth = (typeof UPSTREAM_HEALTH)[number];

/** An upstream as its API's object sees it, to be shown. Moments are milliseconds since 1970. */
export interface WatchedUpstream {
  id: string;
  breaker: { state: 'closed' | 'open' | 'half_open'; since: number | null };
  health: UpstreamHealth;
  checkedAt: number | null;
  /** Its name leads to an address that nothing is sent to. */
  refused: boolean;
  ejectedUntil: number | null;
  /** In the breaker's window. */
  calls: number;
  failures: number;
  slow: number;
}

export interface Watched {
  revision: number;
  /** When an isolate last told of calls. */
  heardAt: number | null;
  upstreams: readonly WatchedUpstream[];
}

/** The calls to the object. Each may be repeated without harm. */
export interface WatchObject {
  report(report: Report): Promise<ReportAnswer>;
  /** On publication: health checks begin before the first call. */
  publish(settings: WatchSettings): Promise<void>;
  /** Nothing when the object was never told of the API, or has forgotten it. */
  watched(): Promise<Watched | undefined>;
  /** The API is gone: checks end, and nothing is kept. */
  remove(): Promise<void>;
}

/** The object's name. */
export const watchName = (organizationId: string, apiId: string) => `${organizationId}:${apiId}`;

export function settingsOf(api: CompiledApi): WatchSettings {
  const policies = [...api.versions, ...api.endpoints].map(({ policy }) => policy.timeoutMs ?? 0);
  return {
    organizationId: api.organizationId,
    apiId: api.id,
    slug: api.slug,
    revision: api.revision,
    longestCallMs: policies.reduce((longest, timeoutMs) => Math.max(longest, timeoutMs), api.policy.timeoutMs),
    pools: api.pools,
  };
}
