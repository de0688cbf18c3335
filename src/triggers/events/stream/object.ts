import { DurableObject } from 'cloudflare:workers';
import type { Database } from '../../../db/client.ts';
import { type Clock, SECOND } from '../../../kernel/clock.ts';
import type { Logger } from '../../../telemetry/log.ts';
import type { EventFilter } from '../store.ts';
import { EventHub, type Refusal, type Sink } from './hub.ts';
import { feedSource } from './store.ts';

export interface EventStreamDeps {
  db: () => Database;
  clock: Clock;
  log: Logger;
}

/** As it travels to the object: a position is a list of chain and sequence. */
export interface OpenRequest {
  chainIds: number[];
  filter: EventFilter;
  resumeAt: [number, number][] | undefined;
}

export type Opened = { stream: ReadableStream<Uint8Array> } | { refused: Refusal };

const POLL_MS = SECOND;

/**
 * The Durable Object behind live views: an isolate cannot share a stream between its requests, an object can. It reads
 * the feed once a second for all of its readers, and only while it has any. It keeps nothing: a reader that is cut off
 * by its end says where it was.
 */
export function eventStreamObject(depsOf: (env: Env) => EventStreamDeps) {
  return class EventStreamObject extends DurableObject<Env> {
    readonly #hub: EventHub;
    #running = false;

    constructor(state: DurableObjectState, env: Env) {
      super(state, env);
      const { db, clock, log } = depsOf(env);
      this.#hub = new EventHub({ source: feedSource(() => db().query), clock, log });
    }

    async open({ chainIds, filter, resumeAt }: OpenRequest): Promise<Opened> {
      const { readable, sink } = openPipe();
      const position = resumeAt && new Map(resumeAt);
      const refused = await this.#hub.open({ chainIds, filter, resumeAt: position }, sink);
      if (refused) return { refused };
      if (!this.#running) this.ctx.waitUntil(this.#run());
      return { stream: readable };
    }

    async #run(): Promise<void> {
      this.#running = true;
      try {
        // No pause between the last look at the size and the end: who comes in between would wait for nothing.
        while (this.#hub.size > 0) {
          await scheduler.wait(POLL_MS);
          await this.#hub.tick();
        }
      } finally {
        this.#running = false;
      }
    }
  };
}

/** A pipe that counts what its reader has not taken yet: a write is done when it has been read. */
function openPipe(): { readable: ReadableStream<Uint8Array>; sink: Sink } {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const encoder = new TextEncoder();
  let last: Promise<void> = Promise.resolve();
  const state = { waiting: 0, gone: false };
  const leave = () => {
    state.gone = true;
  };
  writer.closed.catch(leave);
  const sink: Sink = {
    get waiting() {
      return state.waiting;
    },
    get gone() {
      return state.gone;
    },
    write(text) {
      const bytes = encoder.encode(text);
      state.waiting += bytes.byteLength;
      last = writer.write(bytes).then(() => {
        state.waiting -= bytes.byteLength;
      }, leave);
    },
    drained: () => last,
    end: () => void writer.close().catch(leave),
    cut: () => void writer.abort(new Error('the reader does not keep up')).catch(leave),
  };
  return { readable, sink };
}
