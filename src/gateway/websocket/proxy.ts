import type { FieldReader } from '../../http/header-fields.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import type { CompiledApi } from '../compiled.ts';
import type { Message, OwnMessage } from '../message.ts';
import { joinSockets } from './join.ts';
import type { Slots } from './slots.ts';

/** A WebSocket's opening handshake (RFC 6455 §4.1); any other request with `Upgrade` is what it is without it. */
export const isWebSocketRequest = (method: string, headers: FieldReader): boolean =>
  method === 'GET' && headers.get('upgrade')?.trim().toLowerCase() === 'websocket';

export interface SocketDeps {
  clock: Clock;
  sockets: Slots;
}

export interface SocketCall {
  api: CompiledApi;
  /** Carries the handshake to the upstream. Its answer, as the caller may see it, has the upstream's socket if it agreed. */
  open(): Promise<OwnMessage>;
  /**
   * Admits the call once more, at the price of a call when `charged`.
   * @throws AppError as it is refused
   */
  readmit(charged: boolean): Promise<void>;
}

const RETRY_AFTER_SECONDS = 5;

/**
 * Opens a WebSocket through to the upstream: whatever sub-protocol the two agree on, extensions being the platform's on
 * each side. An upstream that declines has its answer passed on.
 * @throws AppError `service_unavailable` when too many are open; as `open` fails
 */
export async function proxyWebSocket({ clock, sockets }: SocketDeps, call: SocketCall): Promise<Message> {
  const { id, websocket } = call.api;
  const slot = sockets.take(id, websocket.maxConnections);
  if (!slot) {
    const retryAfter = RETRY_AFTER_SECONDS;
    throw new AppError('service_unavailable', 'Too many WebSockets of this API are open', { retryAfter });
  }
  try {
    const answer = await call.open();
    const upstream = answer.webSocket;
    if (!upstream) {
      slot.free();
      return answer;
    }
    const [own, caller] = ends();
    joinSockets({
      ...{ caller: own, upstream, limits: websocket, clock },
      readmit: call.readmit,
      onAlive: slot.touch,
      onEnd: slot.free,
    });
    return { status: 101, headers: answer.headers, body: null, webSocket: caller };
  } catch (error) {
    slot.free();
    throw error;
  }
}

function ends(): [own: WebSocket, caller: WebSocket] {
  const pair = new WebSocketPair();
  return [pair[0], pair[1]];
}
