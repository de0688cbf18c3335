import * as z from 'zod';
import { DAY, later, SECOND } from '../../kernel/clock.ts';
import { describeError } from '../../kernel/errors.ts';
import { holdBack } from '../circuits/store.ts';
import { type Lane, runLanes } from './lanes.ts';
import { type AttemptDeps, carryOut } from './send.ts';
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
 */
export async function consumeActions(messages: readonly HintMessage[], deps: ConsumerDeps): Promise<void> {
  const hinted = readHints(messages, deps);
  if (hinted.length === 0) return;
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
  await runLanes([...lanes.values()], WIDTH);
  for (const lane of lanes.values()) await lane.leaveHint();
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
    const hint = this.#hints.shift();
    if (hint) await this.#follow(hint);
    else await this.#drain();
  }

  async #follow({ message, id }: Hinted): Promise<void> {
    const { db, clock, log } = this.#deps;
    try {
      await this.#attempt(await claim(db.query, id, clock()));
      message.ack();
    } catch (error) {
      log.error('delivery_failed', { delivery_id: id, error: describeError(error) });
      message.retry();
    }
  }

  async #drain(): Promise<void> {
    const { db, clock, log } = this.#deps;
    this.#vacant -= 1;
    try {
      await this.#attempt(await claimNext(db.query, this.#endpoint, clock()));
    } catch (error) {
      log.error('delivery_failed', { endpoint: this.#endpoint, error: describeError(error) });
    }
  }

  async #attempt(claimed: Claim | undefined): Promise<void> {
    if (!claimed) return;
    const settled = await carryOut(claimed, this.#deps);
    this.#vacant += 1;
    if (settled?.status === 'pending') await this.#scheduleHint(claimed.id, settled.nextAttemptAt);
  }

  async #scheduleHint(id: string, at: Date): Promise<void> {
    const seconds = Math.ceil((at.getTime() - this.#deps.clock().getTime()) / SECOND);
    await this.#orSweep(() => this.#deps.enqueue([id], Math.min(Math.max(seconds, 0), MAX_DELAY_SECONDS)));
  }

  /** Passes on what is still due when the batch's time is up. */
  async leaveHint(): Promise<void> {
    if (this.#vacant === 0) return;
    const { db, clock, enqueue } = this.#deps;
    await this.#orSweep(async () => {
      const id = await peekNext(db.query, this.#endpoint, clock());
      if (id !== undefined) await enqueue([id], 0);
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
