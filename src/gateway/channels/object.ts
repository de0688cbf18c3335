import { DurableObject } from 'cloudflare:workers';
import { closeSocket } from '../websocket/codes.ts';
import { ChannelHub, type HubDeps, type Peer, SEAT_FIELD, type Seat } from './hub.ts';

/** What a client says to see whether it is still connected is answered without waking the object. */
const PING = '{"type":"ping"}';
const PONG = '{"type":"pong"}';

/**
 * The Durable Object `ChannelHub`, one per organization and kind of key: holds its sockets, also while it sleeps. What it
 * must know when it wakes up is attached to each socket; there is nothing else.
 */
export function channelHubObject(depsOf: (env: Env) => HubDeps) {
  return class ChannelHubObject extends DurableObject<Env> {
    readonly #hub = new ChannelHub(depsOf(this.env));
    readonly #peers = new WeakMap<WebSocket, Peer>();

    constructor(ctx: DurableObjectState, env: Env) {
      super(ctx, env);
      ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
      for (const socket of ctx.getWebSockets()) {
        const seat = socket.deserializeAttachment() as Seat | null;
        if (seat && socket.readyState === WebSocket.OPEN) this.#hub.restore(this.#peerOf(socket), seat);
      }
    }

    /** Opens a socket: 101, 409 when somebody else has that client id, 503 when there is no room. */
    override async fetch(request: Request): Promise<Response> {
      const seat = JSON.parse(decodeURIComponent(request.headers.get(SEAT_FIELD) ?? 'null')) as Seat;
      const refusal = this.#hub.refusalOf(seat);
      if (refusal) return new Response(null, { status: refusal === 'full' ? 503 : 409 });
      const { 0: theirs, 1: own } = new WebSocketPair();
      this.ctx.acceptWebSocket(own);
      await this.#hub.connect(this.#peerOf(own), seat);
      return new Response(null, { status: 101, webSocket: theirs });
    }

    async publish(channel: string, data: string): Promise<{ messageId: string; recipients: number }> {
      return this.#hub.publish(channel, JSON.parse(data), null);
    }

    async figures(): Promise<{ connections: number; channels: number }> {
      return this.#hub.figures;
    }

    override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
      await this.#hub.receive(this.#peerOf(socket), message);
    }

    override async webSocketClose(socket: WebSocket): Promise<void> {
      await this.#hub.leave(this.#peerOf(socket));
    }

    override async webSocketError(socket: WebSocket): Promise<void> {
      await this.#hub.leave(this.#peerOf(socket));
    }

    #peerOf(socket: WebSocket): Peer {
      const peer = this.#peers.get(socket) ?? peerOf(socket);
      this.#peers.set(socket, peer);
      return peer;
    }
  };
}

const peerOf = (socket: WebSocket): Peer => ({
  send(text) {
    try {
      socket.send(text);
    } catch {
      // It is closed, and its end is told by itself.
    }
  },
  close: (closing) => closeSocket(socket, closing),
  keep: (seat) => socket.serializeAttachment(seat),
});
