import { type Clock, MINUTE, SECOND } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { CLOSE, type Closing, carriedOver, closeSocket, type Side } from './codes.ts';
import { createFlow, type Flow, PER_SECOND } from './flow.ts';
import { isLarger } from './message-size.ts';

export interface Joint {
  caller: WebSocket;
  upstream: WebSocket;
  limits: { idleMs: number; maxMessageBytes: number };
  clock: Clock;
  /**
   * Whether the call would still be admitted, and charges it once more when `charged`.
   * @throws AppError as it would be refused
   */
  readmit(charged: boolean): Promise<void>;
  /** The sockets are still open. */
  onAlive(): void;
  /** Neither side is open any more. */
  onEnd(): void;
  readmitMs?: number;
}

/** How often it is asked whether the call would still be admitted: what was revoked is cut off within a minute. */
const READMIT_EVERY = 30 * SECOND;

/** A socket over which its caller sends is charged like one call for each of these. */
const CHARGE_EVERY = MINUTE;

/** While nobody can say whether a call would be admitted it goes on, for so many questions in a row. */
const UNANSWERED = 2;

const OTHER = { caller: 'upstream', upstream: 'caller' } as const satisfies Record<Side, Side>;

/**
 * Carries messages from each socket to the other until one of them ends, and then ends both. Neither has been accepted.
 * The platform has no way to hold a sender back (no `bufferedAmount`, no pause): what a side does not read is kept in the
 * isolate's memory until it does, so that `idleMs`, `maxMessageBytes` and a flow bound a connection, and backpressure does not.
 */
export function joinSockets(joint: Joint): void {
  const { limits, clock, readmitMs = READMIT_EVERY } = joint;
  const now = () => clock().getTime();
  const flows: Record<Side, Flow> = { caller: createFlow(now()), upstream: createFlow(now()) };
  let ended = false;
  let lastAt = now();
  let readmitAt = lastAt + readmitMs;
  let chargedAt = lastAt;
  let hasSent = false;
  let unanswered = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function end(caller: Closing, upstream: Closing): void {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    closeSocket(joint.caller, caller);
    closeSocket(joint.upstream, upstream);
    joint.onEnd();
  }

  const endBoth = (closing: Closing) => end(closing, closing);

  function onMessage(side: Side, data: string | ArrayBuffer): void {
    if (ended) return;
    lastAt = now();
    if (side === 'caller') hasSent = true;
    if (isLarger(data, limits.maxMessageBytes)) {
      refuseSize(side);
      return;
    }
    // A text by its length, which is no more than its bytes: to measure each one would cost more than it is worth.
    if (!flows[side].take(typeof data === 'string' ? data.length : data.byteLength, lastAt)) {
      endBoth(TOO_FAST);
      return;
    }
    try {
      joint[OTHER[side]].send(data);
    } catch {
      onGone(OTHER[side], CLOSE.abnormal, '');
    }
  }

  function refuseSize(side: Side): void {
    const tooBig = { code: CLOSE.tooBig, reason: 'The message is too large' };
    if (side === 'caller') {
      end(tooBig, { code: CLOSE.goingAway, reason: 'The caller sent a message that is too large' });
    } else {
      end({ code: CLOSE.unexpected, reason: 'The upstream sent a message that is too large' }, tooBig);
    }
  }

  /** The side that ended is answered with its own code, as RFC 6455 §5.5.1 wants it. */
  const onGone = (side: Side, code: number, reason: string) => endBoth(carriedOver(side, code, reason));

  function listen(side: Side): void {
    const socket = joint[side];
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => onMessage(side, data as string | ArrayBuffer)); // by `binaryType`
    socket.addEventListener('close', ({ code, reason }) => onGone(side, code, reason));
    socket.addEventListener('error', () => onGone(side, CLOSE.abnormal, ''));
    // Else the platform would answer a Close frame by itself, and report an error for our own.
    socket.accept({ allowHalfOpen: true });
  }

  async function askAgain(): Promise<void> {
    const at = now();
    const charged = hasSent && at - chargedAt >= CHARGE_EVERY;
    if (charged) {
      chargedAt = at;
      hasSent = false;
    }
    try {
      await joint.readmit(charged);
      unanswered = 0;
    } catch (error) {
      const refusal = refusalOf(error);
      unanswered += 1;
      if (refusal) endBoth(refusal);
      else if (unanswered >= UNANSWERED) endBoth(CANNOT_TELL);
    }
  }

  async function tick(): Promise<void> {
    const at = now();
    if (at - lastAt >= limits.idleMs) return endBoth({ code: CLOSE.goingAway, reason: 'No message for too long' });
    if (at >= readmitAt) {
      joint.onAlive();
      await askAgain();
      readmitAt = now() + readmitMs;
    }
    wait();
  }

  function wait(): void {
    if (ended) return;
    timer = setTimeout(tick, Math.max(1, Math.min(lastAt + limits.idleMs, readmitAt) - now()));
  }

  listen('caller');
  listen('upstream');
  wait();
}

const TOO_FAST: Closing = {
  code: CLOSE.policyViolation,
  reason: `More than ${PER_SECOND >> 20} MiB a second one way`,
};

const CANNOT_TELL: Closing = { code: CLOSE.tryAgainLater, reason: 'The credential cannot be checked at the moment' };

/** What ends an open socket; nothing for a failure of ours, which may pass. */
function refusalOf(error: unknown): Closing | undefined {
  if (!(error instanceof AppError) || error.status >= 500) return undefined;
  if (error.code === 'RATE_LIMITED') return { code: CLOSE.tryAgainLater, reason: 'The quota is used up' };
  return { code: CLOSE.policyViolation, reason: 'The credential or the API is no longer good for this' };
}
