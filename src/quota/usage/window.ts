import type { Spending } from '../protocol.ts';

/** An hourly window that is over and settled, as it goes on record. Times are milliseconds since 1970. */
export interface ClosedWindow {
  startedAt: number;
  endedAt: number;
  /** Units that it held. */
  limit: number;
  /** Units that were used; requests that nobody could count in time may bring them beyond `limit`. */
  units: number;
  /** Calls by tier. */
  calls: readonly [number, number, number, number];
  drawers: readonly Spending[];
}

/**
 * What an organization is told of its quota: that 80 % or 100 % of a window are used, or that requests were let through
 * while the quota could not be asked; that its triggers fire more than an hour has deliveries for; and of changes of its
 * upstreams and of the proof that their hosts are its own.
 */
export interface QuotaEvent {
  type:
    | 'quota.warning'
    | 'quota.exhausted'
    | 'quota.degraded'
    | 'deliveries.limited'
    | `upstream.${'opened' | 'half_open' | 'closed' | 'unhealthy' | 'healthy' | 'ejected' | 'returned'}`
    | `upstream_host.${'missing' | 'lost'}`;
  /** An organization is told once of what has the same key. */
  dedupeKey: string;
  /** JSON, as whoever is told will read it. */
  data: Readonly<Record<string, unknown>>;
  /** Milliseconds since 1970. */
  occurredAt: number;
}
