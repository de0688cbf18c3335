/** START HERE: what wakes us. Requests, queue batches, cron, and the alarms and calls of Durable Objects. */
import { createApp } from './app.ts';
import { appDeps, matcherDeps, sweepDeps, watcherDeps } from './context.ts';
import { hubDeps } from './context-channels.ts';
import { directoryDeps, pipelineDeps, placeDeps } from './context-gateway.ts';
import { quotaDeps } from './context-quota.ts';
import { eventStreamDeps } from './context-triggers.ts';
import { upstreamWatchDeps } from './context-watch.ts';
import { channelHubObject } from './gateway/channels/object.ts';
import { directoryObject } from './gateway/directory/object.ts';
import { createPipeline } from './gateway/pipeline.ts';
import { placeFinder, refuseFault } from './gateway/place.ts';
import { upstreamWatchObject } from './gateway/watch/object.ts';
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
export class Directory extends directoryObject(directoryDeps) {}
export class ChannelHub extends channelHubObject((env) => hubDeps(env, appDeps(env))) {}
export class UpstreamWatch extends upstreamWatchObject(upstreamWatchDeps) {}

/** The control plane and the data plane. They share settings, and no memory of requests. */
interface Planes {
  control: ReturnType<typeof createApp>;
  placeOf: ReturnType<typeof placeFinder>;
  pipeline: ReturnType<typeof createPipeline>;
}

/** Made once an isolate. */
let planes: Planes | undefined;

function planesOf(env: Env): Planes {
  const deps = appDeps(env);
  return {
    control: createApp(deps),
    placeOf: placeFinder(placeDeps(env)),
    pipeline: createPipeline(pipelineDeps(env, deps)),
  };
}

export default {
  async fetch(request, env, ctx) {
    try {
      planes ??= planesOf(env);
    } catch (error) {
      return refuseToServe(createLogger(), error);
    }
    const { control, placeOf, pipeline } = planes;
    const place = placeOf(request.url);
    if (place === undefined) return control.fetch(request, env, ctx);
    return typeof place === 'string' ? refuseFault(place, request) : pipeline(request, place);
  },
  queue: (batch, env, ctx) => consumeQueue(batch, env, ctx),
  scheduled: (event, env) => runSchedule(event.cron, env),
} satisfies ExportedHandler<Env>;
