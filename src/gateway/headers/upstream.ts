import { FieldMap, type FieldReader, type HeaderFields } from '../../http/header-fields.ts';
import { breaksOut, CREDENTIAL_FIELDS, connectionNames, FIELD_LIMITS, fieldSize, isDroppedUp } from './fields.ts';
import type { Trace } from './trace.ts';

/** What goes into the fields that the gateway writes; nothing of it is taken from what the caller can write. */
export interface UpstreamFacts {
  requestId: string;
  /** The caller's, as the platform tells it. */
  address: string | undefined;
  /** Host and, unless the default, port that the caller asked. */
  host: string;
  scheme: 'http' | 'https';
  trace: Trace;
  /** Names (lower case) of the caller's credential fields that go on (passed-on.ts). */
  passOn: readonly string[];
  /** The call asks for a WebSocket, whose `Upgrade` goes on. */
  websocket: boolean;
}

export type UpstreamHeaders =
  | { ok: true; headers: FieldMap }
  /** `malformed` is a 400, `too_large` a 431 (RFC 6585 §5), `loop` a 508 (RFC 5842 §7.2). */
  | { ok: false; reason: 'malformed' | 'too_large' | 'loop' };

const PSEUDONYM = 'weir';

/** One API may stand on another that is served by us too; deeper than this it is a circle (RFC 9110 §7.6.3). */
const MAX_OWN_HOPS = 3;

const ownHops = (via: string) =>
  via.split(',').filter((hop) => hop.trim().split(/\s+/)[1]?.toLowerCase() === PSEUDONYM).length;

/** The node of RFC 7239 §6; an IPv6 address has a colon, so that it stands in brackets and quotes. */
function forwardedNode(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  return address.includes(':') ? `"[${address}]"` : address;
}

function writeOwn(headers: HeaderFields, facts: UpstreamFacts, via: string | null): void {
  const { address, host, scheme, trace } = facts;
  headers.set('forwarded', `for=${forwardedNode(address)};host="${host}";proto=${scheme}`);
  if (address !== undefined) headers.set('x-forwarded-for', address);
  headers.set('x-forwarded-host', host);
  headers.set('x-forwarded-proto', scheme);
  headers.set('via', via === null ? `1.1 ${PSEUDONYM}` : `${via}, 1.1 ${PSEUDONYM}`);
  headers.set('traceparent', trace.traceparent);
  if (trace.tracestate !== null) headers.set('tracestate', trace.tracestate);
  headers.set('x-request-id', facts.requestId);
  if (facts.websocket) headers.set('upgrade', 'websocket');
}

/**
 * The fields of a request as the upstream gets them, before the API's own transformation and credentials: without what
 * belongs to the caller's connection, its credentials, or what it claims to be, and with what the gateway knows.
 */
export function upstreamHeaders(received: FieldReader, facts: UpstreamFacts): UpstreamHeaders {
  const via = received.get('via');
  if (via !== null && ownHops(via) > MAX_OWN_HOPS) return { ok: false, reason: 'loop' };
  const named = connectionNames(received);
  const headers = new FieldMap();
  let fields = 0;
  let bytes = 0;
  for (const [name, value] of received) {
    fields += 1;
    bytes += fieldSize(name, value);
    if (fields > FIELD_LIMITS.fields || bytes > FIELD_LIMITS.bytes) return { ok: false, reason: 'too_large' };
    if (breaksOut(value)) return { ok: false, reason: 'malformed' };
    const passed = !isDroppedUp(name) || (facts.passOn.includes(name) && CREDENTIAL_FIELDS.includes(name));
    if (passed && !named.has(name)) headers.append(name, value);
  }
  writeOwn(headers, facts, via);
  return { ok: true, headers };
}
