import type { QuotaStatus } from '../access/admission.ts';
import type { FieldReader } from '../http/header-fields.ts';
import type { ErrorCode } from '../kernel/errors.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Caller } from './admit.ts';
import type { Place } from './place.ts';
import type { GatewayView } from './prepared.ts';
import type { RoutedCall, Routing } from './routing/router.ts';

/** One request to the data plane, from its first byte to its answer. What is not known yet is left open. */
export interface Call {
  request: Request;
  /** Its header fields. */
  headers: FieldReader;
  place: Place;
  requestId: string;
  /** It asks for a WebSocket. */
  isSocket: boolean;
  log: Logger;
  /** When it began, in milliseconds since 1970. */
  startedAt: number;
  /** The caller's address, as the platform tells it. */
  address: string | undefined;
  organizationId: string | undefined;
  /** What the request was measured by. */
  quota: QuotaStatus | undefined;
  caller: Caller | undefined;
  /** Who asked, as far as that is known, whether or not they were let through. */
  asker: Caller | undefined;
  /** Where it leads, whether or not it is let through. */
  routing: Routing | undefined;
  /** It asks what pages of another origin may send, and goes no further. */
  isPreflight: boolean;
  /** When it was let through. */
  admittedAt: number | undefined;
  routed: RoutedCall | undefined;
  view: GatewayView | undefined;
  /** Fields that belong to the answer whatever it is. */
  fields: [name: string, value: string][];
  /** Undoes what the call was charged. */
  giveBack: (() => Promise<void>) | undefined;
  /** Of the answer of the upstream, once there was one. */
  upstream: { id: string; attempts: number; durationMs: number } | undefined;
  /** What the cache said, where it is on. */
  cacheStatus: string | undefined;
  /** Of an answer of our own. */
  error: ErrorCode | undefined;
}

/** A caller's own id is taken over when it is short and plain. */
const OWN_ID = /^[\w=-]{1,128}$/;

const REQUEST_ID = 'x-request-id';

export function requestIdOf(headers: FieldReader): string {
  const own = headers.get(REQUEST_ID);
  return own !== null && OWN_ID.test(own) ? own : crypto.randomUUID();
}

/** Scheme and host as the caller wrote them. */
export function originOf(url: string): { scheme: 'http' | 'https'; host: string } {
  const colon = url.indexOf('://');
  const from = colon + 3;
  const slash = url.indexOf('/', from);
  const question = url.indexOf('?', from);
  const ends = [slash, question].filter((end) => end >= 0);
  const host = url.slice(from, ends.length === 0 ? undefined : Math.min(...ends));
  return { scheme: url.startsWith('https') ? 'https' : 'http', host };
}
