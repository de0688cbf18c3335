/** START HERE: what wakes us. Requests, queue batches, cron, and the alarms and calls of Durable Objects. */
import { createApp } from './app.ts';
import { appDeps, matcherDeps, sweepDeps, watcherDeps } from './context.ts';
import { quotaDeps } from './context-quota.ts';
import { eventStreamDeps } from './context-triggers.ts';
import { refuseToServe } from './http/problem.ts';
import { consumeQueue } from './queues.ts';
import { organizationQuotaObject } from './quota/object.ts';
import { runSchedule } from './schedule.ts';
import { createLogger } from './telemetry/log.ts';
import { deliverySweeperObject } from './triggers/deliveries/object.ts';
import { eventStreamObject } from './triggers/events/stream/object.ts';
import { chainWatcherObject } from './triggers/ingest/object.ts';
import { triggerMatcherObject } from './triggers/matching/object.ts';

export class ChainWatcher extends chainWatcherObject(watcherDeps) {}
export class TriggerMatcher extends triggerMatcherObject(matcherDeps) {}
export class DeliverySweeper extends deliverySweeperObject(sweepDeps) {}
export class EventStream extends eventStreamObject(eventStreamDeps) {}
export class OrganizationQuota extends organizationQuotaObject(quotaDeps) {}

/** One app an isolate: it holds routes and settings, and nothing of a request. */
let app: ReturnType<typeof createApp> | undefined;

export default {
  async fetch(request, env, ctx) {
    try {
      app ??= createApp(appDeps(env));
    } catch (error) {
      return refuseToServe(createLogger(), error);
    }
    return app.fetch(request, env, ctx);
  },
  queue: (batch, env) => consumeQueue(batch, env),
  scheduled: (event, env) => runSchedule(event.cron, env),
} satisfies ExportedHandler<Env>;
