/** Why a WebSocket ends, by RFC 6455 §7.4.1 and IANA's registry of close codes. */
export const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  unsupportedData: 1003,
  /** Never on the wire: the peer's Close frame had no code. */
  noStatus: 1005,
  /** Never on the wire: the peer is gone without a Close frame. */
  abnormal: 1006,
  policyViolation: 1008,
  tooBig: 1009,
  unexpected: 1011,
  tryAgainLater: 1013,
} as const;

/** Whether a code may be in a Close frame. */
export const isSendable = (code: number): boolean =>
  (code >= 1000 && code <= 1014 && code !== 1004 && code !== CLOSE.noStatus && code !== CLOSE.abnormal) ||
  (code >= 3000 && code <= 4999);

/** How a socket is closed; without a code the Close frame is empty. */
export interface Closing {
  code: number | undefined;
  reason: string;
}

export type Side = 'caller' | 'upstream';

/**
 * What the other side is told when `side` has ended. 1014 says more exactly that an upstream is gone, but clients that
 * know RFC 6455's own codes alone take it for a violation of the protocol, so it is 1011.
 */
export function carriedOver(side: Side, code: number, reason: string): Closing {
  if (code === CLOSE.noStatus) return { code: undefined, reason: '' };
  if (isSendable(code)) return { code, reason };
  return side === 'caller'
    ? { code: CLOSE.goingAway, reason: 'The caller went away' }
    : { code: CLOSE.unexpected, reason: 'The upstream went away' };
}

/** Closes what may be closed already. */
export function closeSocket(socket: WebSocket, { code, reason }: Closing): void {
  try {
    if (code === undefined) socket.close();
    else socket.close(code, reason);
  } catch {
    // It is as it should be.
  }
}
