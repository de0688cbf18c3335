import { type Clock, MINUTE, SECOND } from '../../../kernel/clock.ts';
import { describeError } from '../../../kernel/errors.ts';
import type { Logger } from '../../../telemetry/log.ts';
import type { EventFilter } from '../store.ts';
import { accepts, type FeedItem, heartbeat, itemData, itemMessage, opening } from './message.ts';
import type { Position } from './position.ts';

/** Where a hub reads. */
export interface FeedSource {
  /** The last entry of each chain's feed; a chain without any is left out. */
  ends(chainIds: readonly number[]): Promise<Position>;
  /** What comes after the position, for each chain in order and at most `limit`. */
  read(after: Position, limit: number): Promise<FeedItem[]>;
}

/** One reader's end of a stream. Nothing here fails: who has gone is told by `gone`. */
export interface Sink {
  /** Bytes that were written and that the reader has not taken yet. */
  readonly waiting: number;
  readonly gone: boolean;
  write(text: string): void;
  /** Resolves when the reader has taken everything, or has gone. */
  drained(): Promise<void>;
  /** Lets the reader take what waits, and ends. */
  end(): void;
  /** Ends at once. */
  cut(): void;
}

export interface HubDeps {
  source: FeedSource;
  clock: Clock;
  log: Logger;
  /** For the moment at which a reader comes back; `Math.random` unless a test says otherwise. */
  random?: () => number;
}

export interface StreamRequest {
  chainIds: readonly number[];
  filter: EventFilter;
  /** Where the reader was cut off. Chains that it does not name, and whoever names none, begin with what comes next. */
  resumeAt?: Position | undefined;
}

/** `full`: no room for another reader; `behind`: there is more to catch up with than a stream is for. */
export type Refusal = 'full' | 'behind';

/** So many readers, each with twice what may wait, stay well below the 128 MB of an object. */
export const MAX_LISTENERS = 500;
const MAX_WAITING_BYTES = 64 * 1024;

/** What a listener is handed at a time. */
const MAX_PIECE = 64 * 1024;

/** Entries of one chain that a reader may have missed: some minutes of a busy chain, weeks of a usual one. */
export const MAX_BEHIND = 10_000;

export const HEARTBEAT_MS = 15 * SECOND;

/** So that a deployment, which waits for the streams of the version before, is not held up by them. */
export const MAX_AGE_MS = 15 * MINUTE;

const MIN_RETRY_MS = 2_000;
const RETRY_SPREAD_MS = 3_000;

const PAGE = 200;
const PAGES_PER_TICK = 20;

interface Listener {
  filter: EventFilter;
  sink: Sink;
  position: Map<number, number>;
  /** Is handed what the hub reads. Until then it reads by itself, up to where the hub is. */
  live: boolean;
  openedAt: number;
  wroteAt: number;
}

/**
 * Hands the entries of the feed out to everybody who listens: read once for all of them. Each listener has its own
 * position and takes an entry only if it is the next one for it, so that none comes twice or is left out, whether the
 * listener read it by itself or was handed it.
 */
export class EventHub {
  readonly #deps: HubDeps;
  readonly #listeners = new Set<Listener>();
  /** For each chain that somebody listens to: the last entry handed out. */
  readonly #positions = new Map<number, number>();

  constructor(deps: HubDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#listeners.size;
  }

  /** Throws when the feed cannot be read. */
  async open({ chainIds, filter, resumeAt }: StreamRequest, sink: Sink): Promise<Refusal | undefined> {
    if (this.#listeners.size >= MAX_LISTENERS) return 'full';
    const ends = await this.#deps.source.ends(chainIds);
    const position = new Map<number, number>();
    for (const chainId of chainIds) {
      const end = ends.get(chainId) ?? 0;
      // A place that the record does not have yet is one of a record that was replaced by an older copy.
      position.set(chainId, Math.min(resumeAt?.get(chainId) ?? end, end));
      if (end - (position.get(chainId) ?? end) > MAX_BEHIND) return 'behind';
    }
    // From here to the end nothing waits, so the hub cannot move on between the look at its place and the joining.
    for (const chainId of chainIds) {
      if (!this.#positions.has(chainId)) this.#positions.set(chainId, ends.get(chainId) ?? 0);
    }
    const now = this.#deps.clock().getTime();
    const listener = { filter, sink, position, live: false, openedAt: now, wroteAt: now };
    this.#listeners.add(listener);
    const retryMs = MIN_RETRY_MS + Math.floor((this.#deps.random ?? Math.random)() * RETRY_SPREAD_MS);
    sink.write(opening(position, retryMs));
    listener.live = this.#isLevel(listener);
    if (!listener.live) void this.#catchUp(listener);
    return undefined;
  }

  /** Hands out what is new and keeps the streams in order. To be called again and again while anybody listens. */
  async tick(): Promise<void> {
    const now = this.#deps.clock().getTime();
    for (const listener of this.#listeners) {
      if (listener.sink.gone) this.#listeners.delete(listener);
      else if (now - listener.openedAt >= MAX_AGE_MS) this.#end(listener, 'end');
    }
    this.#forgetChains();
    try {
      await this.#handOut();
    } catch (error) {
      this.#deps.log.error('event_stream_read_failed', { error: describeError(error) });
    }
    for (const listener of this.#listeners) {
      const idle = this.#deps.clock().getTime() - listener.wroteAt;
      if (idle >= HEARTBEAT_MS) this.#write(listener, heartbeat(listener.position));
    }
  }

  async #handOut(): Promise<void> {
    for (let page = 0; page < PAGES_PER_TICK && this.#positions.size > 0; page += 1) {
      const items = await this.#deps.source.read(this.#positions, PAGE);
      if (items.length === 0) return;
      for (const { chainId, seq } of items) this.#positions.set(chainId, seq);
      const prepared = items.map((item) => ({ item, data: itemData(item) }));
      for (const listener of this.#listeners) {
        if (!listener.live) continue;
        listener.live = this.#hand(listener, prepared);
        // More than one piece at once: it reads the rest by itself, as fast as it takes it.
        if (!listener.live) void this.#catchUp(listener);
      }
    }
  }

  /** Brings a listener to where the hub is, at the pace at which its reader takes what it is given. */
  async #catchUp(listener: Listener): Promise<void> {
    try {
      while (!listener.live) {
        await listener.sink.drained();
        if (!this.#listeners.has(listener)) return;
        const items = await this.#deps.source.read(listener.position, PAGE);
        if (items.length === 0) throw new Error('the feed ends before the place that was handed out');
        this.#hand(
          listener,
          items.map((item) => ({ item, data: itemData(item) })),
        );
        listener.live = this.#isLevel(listener);
      }
    } catch (error) {
      this.#deps.log.error('event_stream_read_failed', { error: describeError(error) });
      // It comes back and goes on from its last message.
      this.#end(listener, 'end');
    }
  }

  #isLevel({ position }: Listener): boolean {
    return [...position].every(([chainId, seq]) => seq >= (this.#positions.get(chainId) ?? 0));
  }

  /** Hands over one piece, and answers whether that was all. */
  #hand(listener: Listener, prepared: readonly { item: FeedItem; data: string }[]): boolean {
    let text = '';
    for (const { item, data } of prepared) {
      const last = listener.position.get(item.chainId);
      if (last === undefined || item.seq <= last) continue;
      if (text.length >= MAX_PIECE) {
        this.#write(listener, text);
        return false;
      }
      listener.position.set(item.chainId, item.seq);
      if (accepts(listener.filter, item)) text += itemMessage(listener.position, item, data);
    }
    if (text !== '') this.#write(listener, text);
    return true;
  }

  /** Who does not keep up is cut off, and can come back: what waits for a reader is bounded. */
  #write(listener: Listener, text: string): void {
    if (listener.sink.waiting > MAX_WAITING_BYTES) {
      this.#end(listener, 'cut');
      return;
    }
    listener.wroteAt = this.#deps.clock().getTime();
    listener.sink.write(text);
  }

  #end(listener: Listener, how: 'end' | 'cut'): void {
    this.#listeners.delete(listener);
    listener.sink[how]();
  }

  #forgetChains(): void {
    const wanted = new Set([...this.#listeners].flatMap(({ position }) => [...position.keys()]));
    for (const chainId of this.#positions.keys()) if (!wanted.has(chainId)) this.#positions.delete(chainId);
  }
}
