import { DurableObject } from 'cloudflare:workers';
import type { Database } from '../../../db/client.ts';
import { type Clock, SECOND } from '../../../kernel/clock.ts';
import type { Logger } from '../../../telemetry/log.ts';
import type { EventFilter } from '../store.ts';
import { EventHub } from './hub.ts';
import { openPipe } from './pipe.ts';
import type { Refusal } from './request.ts';
import { feedSource } from './store.ts';

export interface EventStreamDeps {
  db: () => Database;
  clock: Clock;
  log: Logger;
}

/** As it travels to the object: a position is a list of chain and sequence. */
export interface OpenRequest {
  /** Whose the stream is: what streams are counted by. */
  caller: string;
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
      this.#hub = new EventHub({ source: feedSource(() => db().query), clock, log, pause: (ms) => scheduler.wait(ms) });
    }

    async open({ resumeAt, ...request }: OpenRequest): Promise<Opened> {
      const { readable, sink } = openPipe();
      const position = resumeAt && new Map(resumeAt);
      const refused = await this.#hub.open({ ...request, resumeAt: position }, sink);
      if (refused) return { refused };
      if (!this.#running) this.ctx.waitUntil(this.#run());
      return { stream: readable };
    }

    async #run(): Promise<void> {
      this.#running = true;
      try {
        // No pause between the last look at it and the end: who comes in between would wait for nothing.
        while (!this.#hub.idle) {
          await scheduler.wait(POLL_MS);
          await this.#hub.tick();
        }
      } finally {
        this.#running = false;
      }
    }
  };
}
