import { connect } from './db/client.ts';
import { configOf } from './env.ts';
import { systemClock } from './kernel/clock.ts';
import { describeError } from './kernel/errors.ts';
import { createLogger } from './telemetry/log.ts';
import type { AnnounceDeps } from './triggers/deliveries/service.ts';
import type { StreamDeps } from './triggers/events/service.ts';
import type { EventStreamDeps, Opened, OpenRequest } from './triggers/events/stream/object.ts';
import { hash53 } from './triggers/matching/hash.ts';
import type { ReplayRequestDeps } from './triggers/replays/service.ts';

/** How the triggers' side of the API reaches what runs beside it: the queue, the sweeper, the live views. */

/** Most messages that `sendBatch` takes. https://developers.cloudflare.com/queues/platform/limits/ */
const MAX_BATCH = 100;

/** Sends hints in batches; they arrive after the delay, in whole seconds. */
export async function enqueueInto(queue: Queue, deliveryIds: readonly string[], delaySeconds = 0): Promise<void> {
  for (let start = 0; start < deliveryIds.length; start += MAX_BATCH) {
    const hints = deliveryIds.slice(start, start + MAX_BATCH).map((deliveryId) => ({ body: { deliveryId } }));
    await queue.sendBatch(hints, { delaySeconds });
  }
}

export const sweeperOf = (env: Env) => env.DELIVERY_SWEEPER.getByName('all');

/** Readers are spread over so many objects. An object that nobody listens to does nothing and costs nothing. */
const STREAM_SHARDS = 8;

interface EventStreamObject {
  open(request: OpenRequest): Promise<Opened>;
}

/** All streams of a caller are at one object, which can count them. */
function eventStreamOf(env: Env, caller: string): EventStreamObject {
  const shard = hash53(caller) % STREAM_SHARDS;
  // The types of RPC make lists of pairs something else; what travels is what the object takes and answers.
  return env.EVENT_STREAM.getByName(`shard-${shard}`) as unknown as EventStreamObject;
}

export interface TriggerPorts extends AnnounceDeps, ReplayRequestDeps, StreamDeps {}

export function triggerPorts(env: Env): TriggerPorts {
  const log = createLogger();
  const wakeSweeper = () =>
    sweeperOf(env)
      .wake()
      .catch((error: unknown) => log.warn('deliveries_not_announced', { error: describeError(error) }));
  return {
    wakeSweeper,
    async announce(ids) {
      const sent = enqueueInto(env.ACTIONS, ids).catch((error: unknown) =>
        log.warn('deliveries_not_announced', { error: describeError(error) }),
      );
      await Promise.all([sent, wakeSweeper()]);
    },
    watchedChains: configOf(env).chains.map(({ id }) => id),
    openEventStream: (request) => eventStreamOf(env, request.caller).open(request),
  };
}

export const eventStreamDeps = (env: Env): EventStreamDeps => ({
  db: () => connect(configOf(env).database),
  clock: systemClock,
  log: createLogger(),
});
