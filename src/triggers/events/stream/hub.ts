import { type Clock, MINUTE, SECOND } from '../../../kernel/clock.ts';
import { utf8 } from '../../../kernel/crypto.ts';
import { describeError } from '../../../kernel/errors.ts';
import type { Logger } from '../../../telemetry/log.ts';
import type { EventFilter } from '../store.ts';
import { heartbeat, opening } from './message.ts';
import { nextPiece, type Prepared, prepare } from './piece.ts';
import type { Sink } from './pipe.ts';
import type { Refusal, StreamRequest } from './request.ts';
import type { FeedSource } from './source.ts';
import { Turns } from './turns.ts';

export interface HubDeps {
  source: FeedSource;
  clock: Clock;
  log: Logger;
  pause(milliseconds: number): Promise<void>;
  /** For the moment at which a reader comes back; `Math.random` unless a test says otherwise. */
  random?: () => number;
}

/** So many readers, each with all that may wait for it, take half of the 128 MB of an object. */
export const MAX_LISTENERS = 500;
export const MAX_WAITING_BYTES = 128 * 1024;

/** A caller's streams at a time. */
export const MAX_PER_CALLER = 5;

/** The runtime takes the first message for a reader that has gone, and fails one after it. */
const PROBES = 3;
const PROBE_MS = 100;

/** Entries of one chain that a reader may have missed: some minutes of a busy chain, weeks of a usual one. */
export const MAX_BEHIND = 10_000;

export const HEARTBEAT_MS = 15 * SECOND;

/** So that a deployment, which waits for the streams of the version before, is not held up by them. */
export const MAX_AGE_MS = 15 * MINUTE;

/** For a reader to take what waits for it, and the end. One that reads nothing would keep its stream for ever. */
export const LINGER_MS = 10 * SECOND;

const MIN_RETRY_MS = 2_000;
const RETRY_SPREAD_MS = 3_000;

const PAGE = 100;
const PAGES_PER_TICK = 40;

/** Events of the longest kind, read by so many at once, still leave the object the rest of its memory. */
export const MAX_CATCHING_UP = 8;
const PAGE_ALONE = 25;

interface Listener {
  caller: string;
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
  /** Ended, with something that is not taken yet; and since when. */
  readonly #leaving = new Map<Listener, number>();
  readonly #catchingUp = new Turns(MAX_CATCHING_UP);
  /** For each chain that somebody listens to: the last entry handed out. */
  readonly #positions = new Map<number, number>();

  constructor(deps: HubDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#listeners.size;
  }

  /** Whether there is nobody left for whom something is to be done. */
  get idle(): boolean {
    return this.#listeners.size + this.#leaving.size === 0;
  }

  /** Throws when the feed cannot be read. */
  async open({ caller, chainIds, filter, resumeAt }: StreamRequest, sink: Sink): Promise<Refusal | undefined> {
    await this.#probe(caller);
    const early = this.#roomFor(caller);
    if (early) return early;
    const ends = await this.#deps.source.ends(chainIds);
    // Others may have come in the meantime.
    const late = this.#roomFor(caller);
    if (late) return late;
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
    const listener = { caller, filter, sink, position, live: false, openedAt: now, wroteAt: now };
    this.#listeners.add(listener);
    const retryMs = MIN_RETRY_MS + Math.floor((this.#deps.random ?? Math.random)() * RETRY_SPREAD_MS);
    sink.write(utf8(opening(position, retryMs)));
    listener.live = this.#isLevel(listener);
    if (!listener.live) void this.#catchUp(listener);
    return undefined;
  }

  /** Why there is none. */
  #roomFor(caller: string): 'full' | 'many' | undefined {
    const present = [...this.#listeners, ...this.#leaving.keys()].filter(({ sink }) => !sink.gone);
    if (present.length >= MAX_LISTENERS) return 'full';
    return present.filter((other) => other.caller === caller).length >= MAX_PER_CALLER ? 'many' : undefined;
  }

  /** A reader's going shows when something is written, so a page that is loaded anew would find its old streams there. */
  async #probe(caller: string): Promise<void> {
    for (let probe = 0; probe < PROBES && this.#roomFor(caller) === 'many'; probe += 1) {
      const own = [...this.#listeners].filter((listener) => listener.caller === caller);
      for (const listener of own) this.#write(listener, heartbeat(listener.position));
      await this.#deps.pause(PROBE_MS);
    }
  }

  /** Hands out what is new and keeps the streams in order. To be called again and again while anybody listens. */
  async tick(): Promise<void> {
    const now = this.#deps.clock().getTime();
    for (const listener of this.#listeners) {
      if (listener.sink.gone) this.#listeners.delete(listener);
      else if (now - listener.openedAt >= MAX_AGE_MS) this.#end(listener, 'end');
    }
    for (const [listener, since] of this.#leaving) {
      const { sink } = listener;
      const isLate = now - since >= LINGER_MS;
      if (isLate && !sink.gone && sink.waiting > 0) sink.cut();
      if (isLate || sink.gone || sink.waiting === 0) this.#leaving.delete(listener);
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
      const prepared = items.map(prepare);
      for (const listener of this.#listeners) {
        if (!listener.live) continue;
        listener.live = this.#hand(listener, prepared);
        // More than one piece at once: it reads the rest by itself, as fast as it takes it.
        if (!listener.live) void this.#catchUp(listener);
      }
    }
  }

  /**
   * Brings a listener to where the hub is, at the pace at which its reader takes what it is given. It has no turn while it
   * waits for the reader, so that those who do not read keep nobody from reading.
   */
  async #catchUp(listener: Listener): Promise<void> {
    try {
      while (!listener.live && this.#listeners.has(listener)) {
        await listener.sink.drained();
        await this.#catchingUp.take(() => this.#readOn(listener));
      }
    } catch (error) {
      this.#deps.log.error('event_stream_read_failed', { error: describeError(error) });
      // It comes back and goes on from its last message.
      this.#end(listener, 'end');
    }
  }

  async #readOn(listener: Listener): Promise<void> {
    if (!this.#listeners.has(listener)) return;
    const items = await this.#deps.source.read(listener.position, PAGE_ALONE);
    if (items.length === 0) throw new Error('the feed ends before the place that was handed out');
    this.#hand(listener, items.map(prepare));
    listener.live = this.#isLevel(listener);
  }

  #isLevel({ position }: Listener): boolean {
    return [...position].every(([chainId, seq]) => seq >= (this.#positions.get(chainId) ?? 0));
  }

  /** Hands over one piece, and answers whether that was all. */
  #hand(listener: Listener, prepared: readonly Prepared[]): boolean {
    const { text, isAll } = nextPiece(listener.position, listener.filter, prepared);
    if (text !== '') this.#write(listener, text);
    return isAll;
  }

  /**
   * Who does not keep up is cut off, and can come back: what waits for a reader is bounded, whatever comes. Texts of events
   * are bounded where logs are decoded, so that the longest message is about half of what may wait.
   */
  #write(listener: Listener, text: string): void {
    const bytes = utf8(text);
    if (listener.sink.waiting + bytes.byteLength > MAX_WAITING_BYTES) {
      this.#end(listener, 'cut');
      return;
    }
    listener.wroteAt = this.#deps.clock().getTime();
    listener.sink.write(bytes);
  }

  #end(listener: Listener, how: 'end' | 'cut'): void {
    this.#listeners.delete(listener);
    listener.sink[how]();
    if (how === 'end') this.#leaving.set(listener, this.#deps.clock().getTime());
  }

  #forgetChains(): void {
    const wanted = new Set([...this.#listeners].flatMap(({ position }) => [...position.keys()]));
    for (const chainId of this.#positions.keys()) if (!wanted.has(chainId)) this.#positions.delete(chainId);
  }
}
