import { SECOND } from '../../kernel/clock.ts';

/**
 * For so long after a handler has returned the platform lets work go on that was handed to `waitUntil`, and then cancels
 * it. https://developers.cloudflare.com/workers/runtime-apis/context/#waituntil
 */
export const AFTER_RETURN_MS = 30 * SECOND;

/** When nothing of a batch has ended for so long, the queue is not to wait for what is under way. */
export const PATIENCE_MS = SECOND / 2;

/**
 * Batches that an isolate has aside at a time. Each may have five attempts under way, and an attempt at the very worst a rendered
 * request of 256 KB and 1 MB of an answer: 50 of the isolate's 128 MB, which requests share.
 */
export const MAX_ASIDE = 8;

/** Places for batches that go on after their handler. One whose batch was cancelled, and so never ended, is free again. */
export class Places {
  readonly #cancelledAt = new Set<{ readonly at: number }>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** Takes one, and answers what gives it back; `undefined` when none is free. */
  take(now: Date): (() => void) | undefined {
    for (const place of this.#cancelledAt) if (place.at <= now.getTime()) this.#cancelledAt.delete(place);
    if (this.#cancelledAt.size >= this.#most) return undefined;
    const place = { at: now.getTime() + AFTER_RETURN_MS };
    this.#cancelledAt.add(place);
    return () => void this.#cancelledAt.delete(place);
  }
}

/** Where a batch goes on that the queue is not to wait for. */
export interface Aside {
  readonly places: Places;
  /** Resolves after `PATIENCE_MS`. */
  patience(): Promise<void>;
  /** Lets the work go on after the handler has returned, for `AFTER_RETURN_MS`. */
  goOn(work: Promise<void>): void;
}
