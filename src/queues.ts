import { consumerDeps, recordConsumerDeps } from './context.ts';
import { consumeDeadRecords, consumeRecords } from './observability/requests/consumer.ts';
import { createLogger } from './telemetry/log.ts';
import { type Aside, MAX_ASIDE, PATIENCE_MS, Places } from './triggers/deliveries/aside.ts';
import { consumeActions } from './triggers/deliveries/consumer.ts';

type Consumer = (batch: MessageBatch, env: Env, ctx: ExecutionContext) => Promise<void>;

/** Every queue that this Worker consumes. A consumer acknowledges message by message; one that throws returns them all. */
const CONSUMERS: Readonly<Record<string, Consumer>> = {
  actions: (batch, env, ctx) => consumeActions(batch.messages, consumerDeps(env), asideOf(ctx)),
  'actions-dead': reportDead,
  'request-logs': (batch, env) => consumeRecords(batch.messages, recordConsumerDeps(env)),
  'request-logs-dead': (batch, env) => consumeDeadRecords(batch.messages, recordConsumerDeps(env)),
};

export async function consumeQueue(batch: MessageBatch, env: Env, ctx: ExecutionContext): Promise<void> {
  const consume = CONSUMERS[batch.queue];
  if (!consume) throw new Error(`nothing consumes the queue ${batch.queue}`);
  await consume(batch, env, ctx);
}

/** What bounds the isolate's memory is counted where its invocations meet. */
const places = new Places(MAX_ASIDE);

/**
 * The compatibility flag `queue_consumer_no_wait_for_wait_until` has the queue wait for the handler alone; without it
 * batches would still wait for what is aside, and nothing else would change.
 * https://developers.cloudflare.com/workers/configuration/compatibility-flags/
 */
const asideOf = (ctx: ExecutionContext): Aside => ({
  places,
  patience: () => scheduler.wait(PATIENCE_MS),
  goOn: (work) => ctx.waitUntil(work),
});

/** A hint whose handling threw every time: our defect. The delivery itself is still in Postgres, and the sweep retries it. */
async function reportDead(batch: MessageBatch): Promise<void> {
  createLogger().error('queue.dead_letters', { queue: batch.queue, messages: batch.messages.map(({ body }) => body) });
  batch.ackAll();
}
