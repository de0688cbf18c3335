import * as z from 'zod';
import { DAY, later, SECOND } from '../../kernel/clock.ts';
import { describeError } from '../../kernel/errors.ts';
import { holdBack } from '../circuits/store.ts';
import { AFTER_RETURN_MS, type Aside } from './aside.ts';
import { type Lane, runLanes } from './lanes.ts';
import { type AttemptDeps, carryOut, longestAttempt } from './send.ts';
import { type Claim, claim, claimNext, destinationsOf, peekNext } from './store.ts';

/** A hint on the queue: this delivery may be due. Losing or doubling it changes nothing. */
const deliveryHint = z.object({ deliveryId: z.uuid() });

/** What this consumer needs of a message of the queue; a `Message` of the platform is one. */
export interface HintMessage {
  readonly body: unknown;
  ack(): void;
  retry(): void;
}

export interface ConsumerDeps extends AttemptDeps {
  /** Sends hints that arrive after the delay, in whole seconds. */
  enqueue(deliveryIds: readonly string[], delaySeconds: number): Promise<void>;
}

/** Below the six connections that a Worker may have waiting for an answer: one is left for the database. */
const WIDTH = 5;

/** For the statements after an attempt, before the platform would cancel them. */
const SETTLING_MS = 2 * SECOND;

/** How long a batch goes on with what else is due at its endpoints; then it leaves a hint behind instead. */
const DRAIN_MS = 15 * SECOND;

/** Longest delay of a queue message. https://developers.cloudflare.com/queues/platform/limits/ */
const MAX_DELAY_SECONDS = DAY / SECOND;

interface Hinted {
  message: HintMessage;
  id: string;
}

/**
 * Attempts what a batch of hints points at, and then what else is due at the same endpoints. Every message is
 * acknowledged once it was looked at, since the row knows better than the queue what comes next; only one whose
 * handling threw comes back.
 *
 * The queue hands over the next batch when this returns. So where receivers keep a batch from going on, it returns: the attempts
 * under way end aside, and what was not begun is hinted again. From then on the queue's opinion no longer counts, and whatever
 * goes wrong is for the sweep: the row is pending, or in flight under a lease that runs out.
 */
export async function consumeActions(
  messages: readonly HintMessage[],
  deps: ConsumerDeps,
  aside: Aside,
): Promise<void> {
  const { clock, log } = deps;
  const lanes = await lanesOf(messages, deps);
  let giveBack: (() => void) | undefined;
  const mayLeave = () => {
    if (lanes.every((lane) => lane.endsWithin(AFTER_RETURN_MS))) giveBack = aside.places.take(clock());
    return giveBack !== undefined;
  };
  const underWay = await runLanes(lanes, WIDTH, { stalled: aside.patience, mayLeave });
  if (underWay.length === 0) {
    for (const lane of lanes) await lane.leaveHints();
    return;
  }
  for (const lane of lanes) await lane.handBack();
  const rest = Promise.all(underWay)
    .then(async () => {
      for (const lane of lanes) await lane.leaveHints();
    })
    .catch((error: unknown) => log.error('delivery_failed', { error: describeError(error) }))
    .finally(() => giveBack?.());
  aside.goOn(rest);
}

/** A lane for each endpoint that the hints point at. */
async function lanesOf(messages: readonly HintMessage[], deps: ConsumerDeps): Promise<EndpointLane[]> {
  const hinted = readHints(messages, deps);
  if (hinted.length === 0) return [];
  const now = deps.clock();
  const destinations = await destinationsOf(
    deps.db.query,
    hinted.map(({ id }) => id),
    now,
  );
  const lanes = new Map<string, EndpointLane>();
  const heldBack: string[] = [];
  const deadline = later(now, DRAIN_MS);
  for (const hint of hinted) {
    const destination = destinations.get(hint.id);
    if (destination?.heldBack) heldBack.push(hint.id);
    // Held back until the sweep finds it, or gone with its trigger or action.
    if (!destination || destination.heldBack) hint.message.ack();
    else {
      const { endpoint } = destination;
      const lane = lanes.get(endpoint) ?? new EndpointLane(endpoint, deadline, deps);
      lanes.set(endpoint, lane.add(hint));
    }
  }
  if (heldBack.length > 0) await holdBack(deps.db.query, { ids: heldBack }, now);
  return [...lanes.values()];
}

function readHints(messages: readonly HintMessage[], { log }: ConsumerDeps): Hinted[] {
  return messages.flatMap((message) => {
    const parsed = deliveryHint.safeParse(message.body);
    if (parsed.success) return [{ message, id: parsed.data.deliveryId }];
    log.error('delivery_hint_invalid', { fault: parsed.error.issues[0]?.message });
    message.ack();
    return [];
  });
}

/** The deliveries to one endpoint: those that the batch names, then whatever is due there. */
class EndpointLane implements Lane {
  readonly #endpoint: string;
  readonly #deadline: Date;
  readonly #deps: ConsumerDeps;
  readonly #hints: Hinted[] = [];
  /** Attempts that ended and whose place the next due delivery may take. */
  #vacant = 0;
  /** Until when each step under way may take; one that has claimed nothing yet may take any time. */
  readonly #ends = new Set<{ at: number }>();

  constructor(endpoint: string, deadline: Date, deps: ConsumerDeps) {
    this.#endpoint = endpoint;
    this.#deadline = deadline;
    this.#deps = deps;
  }

  add(hint: Hinted): this {
    this.#hints.push(hint);
    return this;
  }

  ready(): boolean {
    return this.#hints.length > 0 || (this.#vacant > 0 && this.#deps.clock() < this.#deadline);
  }

  async step(): Promise<void> {
    const end = { at: Number.POSITIVE_INFINITY };
    this.#ends.add(end);
    const hint = this.#hints.shift();
    if (hint) await this.#follow(hint, end);
    else await this.#drain(end);
    this.#ends.delete(end);
  }

  /** Whether every step under way will have ended, and been recorded, in so many milliseconds. */
  endsWithin(milliseconds: number): boolean {
    const by = this.#deps.clock().getTime() + milliseconds - SETTLING_MS;
    return [...this.#ends].every(({ at }) => at <= by);
  }

  async #follow({ message, id }: Hinted, end: { at: number }): Promise<void> {
    const { db, clock, log } = this.#deps;
    try {
      await this.#attempt(await claim(db.query, id, clock()), end);
      message.ack();
    } catch (error) {
      log.error('delivery_failed', { delivery_id: id, error: describeError(error) });
      message.retry();
    }
  }

  async #drain(end: { at: number }): Promise<void> {
    const { db, clock, log } = this.#deps;
    this.#vacant -= 1;
    try {
      await this.#attempt(await claimNext(db.query, this.#endpoint, clock()), end);
    } catch (error) {
      log.error('delivery_failed', { endpoint: this.#endpoint, error: describeError(error) });
    }
  }

  async #attempt(claimed: Claim | undefined, end: { at: number }): Promise<void> {
    if (!claimed) return;
    end.at = this.#deps.clock().getTime() + longestAttempt(claimed);
    const settled = await carryOut(claimed, this.#deps);
    this.#vacant += 1;
    if (settled?.status === 'pending') await this.#scheduleHint(claimed.id, settled.nextAttemptAt);
  }

  async #scheduleHint(id: string, at: Date): Promise<void> {
    const seconds = Math.ceil((at.getTime() - this.#deps.clock().getTime()) / SECOND);
    await this.#orSweep(() => this.#deps.enqueue([id], Math.min(Math.max(seconds, 0), MAX_DELAY_SECONDS)));
  }

  /** Gives the hints that were not followed to the next batch. */
  async handBack(): Promise<void> {
    const left = this.#hints.splice(0);
    if (left.length === 0) return;
    try {
      await this.#deps.enqueue(
        left.map(({ id }) => id),
        0,
      );
      for (const { message } of left) message.ack();
    } catch (error) {
      this.#deps.log.warn('delivery_hint_not_sent', { endpoint: this.#endpoint, error: describeError(error) });
      for (const { message } of left) message.retry();
    }
  }

  /** Passes on what is still due when the batch ends, as much as its attempts have made room for. */
  async leaveHints(): Promise<void> {
    if (this.#vacant === 0) return;
    const { db, clock, enqueue } = this.#deps;
    await this.#orSweep(async () => {
      const ids = await peekNext(db.query, this.#endpoint, { now: clock(), limit: this.#vacant });
      if (ids.length > 0) await enqueue(ids, 0);
    });
  }

  /** A hint that cannot be sent is as good as one that got lost: the sweep finds the delivery. */
  async #orSweep(send: () => Promise<void>): Promise<void> {
    try {
      await send();
    } catch (error) {
      this.#deps.log.warn('delivery_hint_not_sent', { endpoint: this.#endpoint, error: describeError(error) });
    }
  }
}
