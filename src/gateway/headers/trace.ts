import type { FieldReader } from '../../http/header-fields.ts';
import { randomBytes } from '../../kernel/crypto.ts';

/** W3C Trace Context: what a call is followed by through all that it passes. */
export interface Trace {
  traceparent: string;
  /** As it came, where it is valid. */
  tracestate: string | null;
  traceId: string;
}

/** Version, trace id, parent id, flags; a later version may go on after another dash (Trace Context §4.3). */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?$/;

const MAX_TRACESTATE = 512;
const MAX_MEMBERS = 32;

/** `key=value` of a vendor; a key of two parts is a tenant's at a system. */
const MEMBER = /^(?:[a-z0-9][_0-9a-z*/-]{0,240}@)?[a-z0-9][_0-9a-z*/-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256}$/;

function validState(text: string | null): string | null {
  if (text === null || text.length > MAX_TRACESTATE) return null;
  const members = text.split(',').map((member) => member.trim());
  const given = members.filter((member) => member !== '');
  return given.length > 0 && given.length <= MAX_MEMBERS && given.every((member) => MEMBER.test(member))
    ? given.join(',')
    : null;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function hexOf(bytes: Uint8Array): string {
  let text = '';
  let any = 0;
  for (const byte of bytes) {
    text += HEX[byte];
    any |= byte;
  }
  // All zeros stand for "none".
  return any === 0 ? hexOf(randomBytes(bytes.length)) : text;
}

const TRACE_ID_BYTES = 16;
const PARENT_ID_BYTES = 8;

/** Sampled, and (level 2) made at random; other bits mean nothing yet and are not passed on. */
const KNOWN_FLAGS = 0x03;

const RANDOM_ID = '02';

/** Goes on with the caller's trace under an id of our own, or begins one where the caller's is missing or not valid. */
export function continueTrace(headers: FieldReader): Trace {
  const received = headers.get('traceparent');
  const [, version, traceId, flags, more] = (received !== null && TRACEPARENT.exec(received)) || [];
  const known = traceId !== undefined && flags !== undefined && !(version === '00' && more !== undefined);
  if (!known) {
    const random = randomBytes(TRACE_ID_BYTES + PARENT_ID_BYTES);
    const begun = hexOf(random.subarray(0, TRACE_ID_BYTES));
    const parent = hexOf(random.subarray(TRACE_ID_BYTES));
    return { traceparent: `00-${begun}-${parent}-${RANDOM_ID}`, tracestate: null, traceId: begun };
  }
  const kept = HEX[Number.parseInt(flags, 16) & KNOWN_FLAGS];
  return {
    traceparent: `00-${traceId}-${hexOf(randomBytes(PARENT_ID_BYTES))}-${kept}`,
    tracestate: validState(headers.get('tracestate')),
    traceId,
  };
}
