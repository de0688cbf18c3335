/** Changes that an organization is told of. */
export type UpstreamChange = 'opened' | 'half_open' | 'closed' | 'unhealthy' | 'healthy' | 'ejected' | 'returned';

/** One change of an upstream, as the organization is told of it. */
export interface UpstreamEvent {
  type: `upstream.${UpstreamChange}`;
  /** An organization is told once of what has the same key. */
  dedupeKey: string;
  /** JSON, as whoever is told will read it. */
  data: Readonly<Record<string, unknown>>;
  /** Milliseconds since 1970. */
  occurredAt: number;
}

/** A change as it is found, before it is an event. */
export interface Change {
  change: UpstreamChange;
  upstream: string;
  pool: string;
  /** Figures and reasons that belong to it. */
  details: Readonly<Record<string, unknown>>;
}
