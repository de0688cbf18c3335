import { consumerDeps } from './context.ts';
import { createLogger } from './telemetry/log.ts';
import { consumeActions } from './triggers/deliveries/consumer.ts';

type Consumer = (batch: MessageBatch, env: Env) => Promise<void>;

/** Every queue that this Worker consumes. A consumer acknowledges message by message; one that throws returns them all. */
const CONSUMERS: Readonly<Record<string, Consumer>> = {
  actions: (batch, env) => consumeActions(batch.messages, consumerDeps(env)),
  'actions-dead': reportDead,
};

export async function consumeQueue(batch: MessageBatch, env: Env): Promise<void> {
  const consume = CONSUMERS[batch.queue];
  if (!consume) throw new Error(`nothing consumes the queue ${batch.queue}`);
  await consume(batch, env);
}

/** A hint whose handling threw every time: our defect. The delivery itself is still in Postgres, and the sweep retries it. */
async function reportDead(batch: MessageBatch): Promise<void> {
  createLogger().error('queue.dead_letters', { queue: batch.queue, messages: batch.messages.map(({ body }) => body) });
  batch.ackAll();
}
