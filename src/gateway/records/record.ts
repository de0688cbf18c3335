import type { KeyEnvironment } from '../../access/edge.ts';
import type { ErrorCode } from '../../kernel/errors.ts';
import type { Caller } from '../admit.ts';
import type { CacheOutcome } from './cache-outcome.ts';

/**
 * What is kept of one call: no address, query, body or header value of anybody. Lengths of time are milliseconds, as the
 * platform shows them: its clock stands still while code runs.
 */
export interface CallRecord {
  /** When it began, in milliseconds since 1970. */
  at: number;
  organizationId: string;
  requestId: string;
  /** Slug; `null` where the call was for no API that exists. */
  api: string | null;
  version: string | null;
  /** `null` in an API without endpoints, and where none fitted. */
  endpointId: string | null;
  /** The endpoint's path pattern. */
  route: string | null;
  method: string;
  status: number;
  /** Of an answer of our own. */
  error: ErrorCode | null;
  /** Units that the call was charged and that were not given back. */
  cost: number;
  /** `null` where the call was refused before it was known. */
  caller: Caller['kind'] | null;
  keyId: string | null;
  environment: KeyEnvironment | null;
  /** The last one that was asked. */
  upstreamId: string | null;
  /** Where caching is on. */
  cache: CacheOutcome | null;
  /** How often upstreams were asked; 0 for an answer without them. */
  attempts: number;
  /** Until the header fields of the answer were there. */
  durationMs: number;
  /** Until the call was let through. */
  waitingMs: number | null;
  upstreamMs: number | null;
  /** As announced by `Content-Length`. */
  requestBytes: number | null;
  responseBytes: number | null;
  /** The data centre, by its IATA code. */
  colo: string | null;
  /** ISO 3166-1, of the caller. */
  country: string | null;
}

/** Calls of an organization of which nothing but their number is kept; `null`: of organizations that were not counted apart. */
export interface LostRecords {
  organizationId: string | null;
  records: number;
}

/** One message of the queue `request-logs`. The same message may arrive twice; a record is known by its place in it. */
export interface RecordsMessage {
  /** UUID. */
  id: string;
  /** When it was put together, in milliseconds since 1970. */
  at: number;
  /** At most `MAX_RECORDS`. */
  records: readonly CallRecord[];
  /** Lost since the message before. */
  lost: readonly LostRecords[];
}

export const MAX_RECORDS = 100;
