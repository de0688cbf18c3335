import { type Clock, SECOND } from '../../kernel/clock.ts';
import { AppError, describeError } from '../../kernel/errors.ts';
import { newId } from '../../kernel/id.ts';
import type { Logger } from '../../telemetry/log.ts';
import { CLOSE, type Closing } from '../websocket/codes.ts';
import { isLarger } from '../websocket/message-size.ts';
import { admitHolder, type Holder, type HolderDeps, holderName, type Wish } from './holder.ts';
import { type ClientMessage, LIMITS, readMessage, type ServerMessage } from './messages.ts';
import { createPace, type Pace } from './pace.ts';
import { Room } from './room.ts';

/** What is known of a socket; kept with it while its object sleeps. */
export interface Seat {
  clientId: string;
  /** Nothing for somebody without a credential. */
  holder: Holder | null;
  organizationId: string;
  address: string | undefined;
  /** Channels, and whether it wants to be told who comes and goes. */
  subscriptions: [channel: string, presence: boolean][];
}

/** Field of the request by which a hub is told of a new seat: JSON in percent-encoding. Nobody else reaches an object. */
export const SEAT_FIELD = 'x-weir-seat';

/** A socket, as far as the hub has to do with it. None of these throws. */
export interface Peer {
  send(text: string): void;
  close(closing: Closing): void;
  keep(seat: Seat): void;
}

export interface HubDeps extends HolderDeps {
  clock: Clock;
  log: Logger;
}

/** A credential that was found good is taken for good for so long, and asked about again, in the background, from then on. */
const GOOD_FOR = 40 * SECOND;
const RENEWED_AFTER = 20 * SECOND;

/** IANA leaves 4000–4999 to applications. */
const REPLACED: Closing = { code: 4001, reason: 'Replaced by a newer connection' };

interface Occupied {
  seat: Seat;
  pace: Pace;
  /** Ends when all that the peer has said was dealt with, in the order in which it said it. */
  done: Promise<void>;
}

/**
 * The sockets of one organization and what they are told. A message reaches whoever is subscribed at that moment, at most
 * once, in the same order for everybody. Nothing reaches a socket whose credential was not found good within `GOOD_FOR`;
 * credentials are asked about when there is something to deliver, so that a silent hub can sleep.
 */
export class ChannelHub {
  readonly #deps: HubDeps;
  readonly #peers = new Map<Peer, Occupied>();
  readonly #room = new Room<Peer>();
  readonly #goodAt = new Map<string, number>();
  #deliveries: Promise<unknown> = Promise.resolve();

  constructor(deps: HubDeps) {
    this.#deps = deps;
  }

  get figures() {
    return { connections: this.#peers.size, channels: this.#room.size };
  }

  /** A socket that is still open after the hub slept. */
  restore(peer: Peer, seat: Seat): void {
    this.#peers.set(peer, { seat, pace: createPace(this.#now()), done: Promise.resolve() });
    for (const [channel] of seat.subscriptions) this.#room.enter(channel, peer);
  }

  /** Why nobody can sit there, or nothing. A newer socket of the same credential takes the place of its older one. */
  refusalOf({ clientId, holder }: Seat): 'full' | 'taken' | undefined {
    const other = this.#peerOf(clientId);
    if (other) return sameHolder(other[1].seat.holder, holder) ? undefined : 'taken';
    return this.#peers.size >= (holder ? LIMITS.connections : LIMITS.publicConnections) ? 'full' : undefined;
  }

  async connect(peer: Peer, seat: Seat): Promise<void> {
    const older = this.#peerOf(seat.clientId)?.[0];
    if (older) {
      older.close(REPLACED);
      await this.leave(older);
    }
    peer.keep(seat);
    this.restore(peer, seat);
    if (seat.holder) this.#goodAt.set(holderName(seat.holder), this.#now());
    tell(peer, { type: 'welcome', client_id: seat.clientId, limits: LIMITS });
  }

  async leave(peer: Peer): Promise<void> {
    const occupied = this.#peers.get(peer);
    if (!occupied) return;
    this.#peers.delete(peer);
    const { seat } = occupied;
    if (seat.holder && !this.#isSeated(seat.holder)) this.#goodAt.delete(holderName(seat.holder));
    for (const [channel] of seat.subscriptions) this.#room.exit(channel, peer);
    for (const [channel] of seat.subscriptions) await this.#announce(channel, 'leave', seat.clientId);
  }

  /** What a peer says is dealt with in its order. */
  async receive(peer: Peer, text: string | ArrayBuffer): Promise<void> {
    const occupied = this.#peers.get(peer);
    if (!occupied) return;
    if (typeof text !== 'string') return this.#end(peer, { code: CLOSE.unsupportedData, reason: 'Only texts' });
    if (isLarger(text, LIMITS.messageBytes)) {
      return this.#end(peer, { code: CLOSE.tooBig, reason: 'The message is too large' });
    }
    const verdict = occupied.pace(this.#now());
    if (verdict === 'flood') return this.#end(peer, { code: CLOSE.policyViolation, reason: 'Too many messages' });
    const read = readMessage(text);
    if (verdict === 'late') return fail(peer, read.ok ? read.message.id : read.id, 'rate_limited', 'Too many messages');
    if (!read.ok) return fail(peer, read.id, 'bad_message', read.why);
    occupied.done = occupied.done.then(() => this.#obey(peer, occupied.seat, read.message));
    await occupied.done;
  }

  /** Tells everybody who is subscribed, and how many they were. Of who may publish the caller has made sure. */
  publish(channel: string, data: unknown, from: string | null): Promise<{ messageId: string; recipients: number }> {
    const messageId = newId('msg');
    return this.#inOrder(async () => {
      await this.#findGood(this.#room.of(channel));
      const sent_at = this.#deps.clock().toISOString();
      const text = JSON.stringify({
        ...{ type: 'message', message_id: messageId, channel, data, from, sent_at },
      } satisfies ServerMessage);
      const peers = this.#room.of(channel);
      for (const peer of peers) peer.send(text);
      return { messageId, recipients: peers.size };
    });
  }

  async #obey(peer: Peer, seat: Seat, message: ClientMessage): Promise<void> {
    if (!this.#peers.has(peer)) return;
    try {
      await this.#carryOut(peer, seat, message);
    } catch (error) {
      if (!(error instanceof AppError)) this.#deps.log.error('channels.failed', { error: describeError(error) });
      const known = error instanceof AppError ? error : new AppError('internal_error', 'Something failed on our side');
      fail(peer, message.id, known.code, known.message);
    }
  }

  /** @throws AppError as it is refused */
  async #carryOut(peer: Peer, seat: Seat, message: ClientMessage): Promise<void> {
    const { id } = message;
    if (message.type === 'ping') return tell(peer, { type: 'pong', id });
    if (message.type === 'status') {
      return tell(peer, { type: 'status', id, status: 'ok', connections: this.#peers.size });
    }
    const { holder } = seat;
    if (!holder) throw new AppError('forbidden', 'Without a credential there are only status and ping');
    const { type, channel } = message;
    if (type === 'publish') {
      await this.#admit(seat, holder, { permission: 'gateway:write', units: 1, ...at(seat, channel) });
      const { messageId, recipients } = await this.publish(channel, message.data, seat.clientId);
      return tell(peer, { type: 'ack', id, action: type, channel, message_id: messageId, recipients });
    }
    await this.#makeSure(seat, holder);
    // Its credential may have proved to be no good meanwhile.
    if (!this.#peers.has(peer)) return;
    if (type === 'presence') return tell(peer, { type, id, channel, ...this.#present(channel) });
    if (type === 'subscribe') await this.#subscribe(peer, seat, channel, message.presence ?? false);
    else await this.#unsubscribe(peer, seat, channel);
    tell(peer, { type: 'ack', id, action: type, channel });
  }

  async #subscribe(peer: Peer, seat: Seat, channel: string, presence: boolean): Promise<void> {
    const others = seat.subscriptions.filter(([name]) => name !== channel);
    const isNew = others.length === seat.subscriptions.length;
    if (others.length >= LIMITS.subscriptions) {
      throw new AppError('conflict', `A socket has at most ${LIMITS.subscriptions} subscriptions`);
    }
    seat.subscriptions = [...others, [channel, presence]];
    peer.keep(seat);
    if (!isNew) return;
    await this.#announce(channel, 'join', seat.clientId);
    if (this.#peers.has(peer)) this.#room.enter(channel, peer);
  }

  async #unsubscribe(peer: Peer, seat: Seat, channel: string): Promise<void> {
    const others = seat.subscriptions.filter(([name]) => name !== channel);
    if (others.length === seat.subscriptions.length) return;
    seat.subscriptions = others;
    peer.keep(seat);
    this.#room.exit(channel, peer);
    await this.#announce(channel, 'leave', seat.clientId);
  }

  /** Tells who wants to know that somebody comes or goes. */
  #announce(channel: string, event: 'join' | 'leave', clientId: string): Promise<void> {
    return this.#inOrder(async () => {
      const curious = [...this.#room.of(channel)].filter((peer) => this.#wantsPresence(peer, channel));
      await this.#findGood(curious);
      for (const peer of curious) {
        if (this.#peers.has(peer)) tell(peer, { type: 'presence', channel, event, client_id: clientId });
      }
    });
  }

  #wantsPresence(peer: Peer, channel: string): boolean {
    const subscriptions = this.#peers.get(peer)?.seat.subscriptions ?? [];
    return subscriptions.some(([name, presence]) => name === channel && presence);
  }

  #present(channel: string): { count: number; client_ids: string[] } {
    const peers = this.#room.of(channel);
    const client_ids: string[] = [];
    for (const peer of peers) {
      if (client_ids.length === LIMITS.presenceNames) break;
      const occupied = this.#peers.get(peer);
      if (occupied) client_ids.push(occupied.seat.clientId);
    }
    return { count: peers.size, client_ids };
  }

  /** Ends the sockets among these whose credentials are no longer good, or of which nobody can say. */
  async #findGood(peers: Iterable<Peer>): Promise<void> {
    const doubtful = new Map<string, Seat>();
    for (const peer of peers) {
      const seat = this.#peers.get(peer)?.seat;
      if (!seat?.holder) continue;
      const name = holderName(seat.holder);
      const age = this.#now() - (this.#goodAt.get(name) ?? Number.NEGATIVE_INFINITY);
      if (age >= GOOD_FOR) doubtful.set(name, seat);
      else if (age >= RENEWED_AFTER) void this.#ask(seat, seat.holder);
    }
    await Promise.all([...doubtful.values()].map((seat) => seat.holder && this.#ask(seat, seat.holder)));
  }

  async #makeSure(seat: Seat, holder: Holder): Promise<void> {
    const age = this.#now() - (this.#goodAt.get(holderName(holder)) ?? Number.NEGATIVE_INFINITY);
    if (age >= GOOD_FOR) await this.#ask(seat, holder);
  }

  async #ask(seat: Seat, holder: Holder): Promise<void> {
    const use = { address: seat.address, method: 'GET', path: `/ws/${seat.clientId}` };
    await this.#admit(seat, holder, { permission: 'gateway:read', units: 0, use }).catch(() => undefined);
  }

  /** @throws AppError as it is refused; a credential that is no good any more ends its sockets */
  async #admit(seat: Seat, holder: Holder, wish: Wish): Promise<void> {
    const name = holderName(holder);
    try {
      await admitHolder(this.#deps, seat.organizationId, holder, wish);
      this.#goodAt.set(name, this.#now());
    } catch (error) {
      const isQuestion = wish.units === 0;
      const isNoGood = error instanceof AppError && (error.status === 401 || (isQuestion && error.status < 500));
      const isForgotten = this.#now() - (this.#goodAt.get(name) ?? Number.NEGATIVE_INFINITY) >= GOOD_FOR;
      if (isNoGood) await this.#endAll(name, NO_GOOD);
      else if (isQuestion && isForgotten) await this.#endAll(name, CANNOT_TELL);
      throw error;
    }
  }

  async #endAll(name: string, closing: Closing): Promise<void> {
    for (const [peer, { seat }] of [...this.#peers]) {
      if (seat.holder && holderName(seat.holder) === name) this.#end(peer, closing);
    }
  }

  #end(peer: Peer, closing: Closing): void {
    peer.close(closing);
    // Others are told of it when their turn comes: who ends it here may be what they wait for.
    void this.leave(peer);
  }

  #isSeated(holder: Holder): boolean {
    for (const { seat } of this.#peers.values()) if (sameHolder(seat.holder, holder)) return true;
    return false;
  }

  #peerOf(clientId: string): [Peer, Occupied] | undefined {
    for (const entry of this.#peers) if (entry[1].seat.clientId === clientId) return entry;
    return undefined;
  }

  /** What is delivered waits for what is being delivered. */
  #inOrder<T>(deliver: () => Promise<T>): Promise<T> {
    const delivered = this.#deliveries.then(deliver);
    this.#deliveries = delivered.catch(() => undefined);
    return delivered;
  }

  #now(): number {
    return this.#deps.clock().getTime();
  }
}

const NO_GOOD: Closing = { code: CLOSE.policyViolation, reason: 'The credential is no longer good' };

const CANNOT_TELL: Closing = { code: CLOSE.tryAgainLater, reason: 'The credential cannot be checked at the moment' };

const sameHolder = (one: Holder | null, other: Holder | null): boolean =>
  one !== null && other !== null && holderName(one) === holderName(other);

/** Publishing over a socket is the same use of a key as over HTTP. */
const at = ({ address }: Seat, channel: string) => ({
  use: { address, method: 'POST', path: `/api/v1/channels/${channel}/messages` },
});

const tell = (peer: Peer, message: ServerMessage): void => peer.send(JSON.stringify(message));

const fail = (peer: Peer, id: ClientMessage['id'], error: string, message: string): void =>
  tell(peer, { type: 'error', id, error, message });
