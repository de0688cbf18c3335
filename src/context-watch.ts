import { waitUntil } from 'cloudflare:workers';
import { waysOut } from './context-outbound.ts';
import { connect } from './db/client.ts';
import { configOf } from './env.ts';
import type { CompiledApi } from './gateway/compiled.ts';
import type { WatchDeps } from './gateway/watch/object.ts';
import { settingsOf, type WatchObject, watchName } from './gateway/watch/protocol.ts';
import { systemClock } from './kernel/clock.ts';
import { describeError } from './kernel/errors.ts';
import { recordEvent } from './quota/index.ts';
import { createLogger } from './telemetry/log.ts';

/** How the objects that watch over upstreams are reached, and what they are given. */

/** The types of RPC make lists of tuples; what travels is what the object answered. */
export const watchOf = (env: Env, organizationId: string, apiId: string) =>
  env.UPSTREAM_WATCH.getByName(watchName(organizationId, apiId)) as unknown as WatchObject;

export function upstreamWatchDeps(env: Env): WatchDeps {
  const config = configOf(env);
  const { outbound, judge } = waysOut(config);
  return {
    ...{ clock: systemClock, log: createLogger(), outbound, judge },
    recordEvent: (organizationId, event) => recordEvent(connect(config.database), organizationId, event),
  };
}

/**
 * Tells the objects of APIs with health checks of them, so that upstreams are checked before there are calls. Nobody
 * waits for it: an object that was not told learns of its API from the first calls.
 */
export function announceChecks(env: Env, apis: readonly CompiledApi[]): void {
  const checked = apis.filter(({ pools }) => pools.some(({ healthCheck }) => healthCheck !== null));
  for (const api of checked) {
    const told = watchOf(env, api.organizationId, api.id)
      .publish(settingsOf(api))
      .catch((error: unknown) => {
        const fields = { organization_id: api.organizationId, api_id: api.id, error: describeError(error) };
        createLogger().warn('upstream.watch_unreachable', fields);
      });
    waitUntil(told);
  }
}
