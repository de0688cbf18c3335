import type * as z from 'zod';
import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import { rfc3339, SECOND } from '../../kernel/clock.ts';
import { describeError } from '../../kernel/errors.ts';
import { toPage } from '../../kernel/page.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { CompiledApi, CompiledPool } from '../compiled.ts';
import { lifecycleAt, versionLifecycleAt } from '../routing/lifecycle.ts';
import { usualVersion } from '../routing/versions.ts';
import type { Watched, WatchedUpstream } from '../watch/protocol.ts';
import { addressesOf, type Names } from './addresses.ts';
import type { listServices as listContract } from './contract.ts';
import { serviceStatus, upstreamState } from './status.ts';

export interface ServiceDeps {
  log: Logger;
  listApis(organizationId: string): Promise<CompiledApi[]>;
  /** What the API's object knows; nothing when it was never told of the API. */
  watchedOf(organizationId: string, apiId: string): Promise<Watched | undefined>;
  namesOf(organizationId: string): Promise<Names>;
  wait(milliseconds: number): Promise<void>;
}

const PATIENCE = SECOND;

export async function listServices(
  ctx: OrganizationCtx,
  deps: ServiceDeps,
  query: Pick<z.output<typeof listContract.query>, 'limit' | 'offset'>,
) {
  permit(ctx, 'apis:read');
  const [apis, names] = await Promise.all([deps.listApis(ctx.organizationId), deps.namesOf(ctx.organizationId)]);
  apis.sort((a, b) => (a.slug < b.slug ? -1 : 1));
  const shown = apis.slice(query.offset, query.offset + query.limit);
  const services = await Promise.all(
    shown.map(async (api) => {
      const watched = await watchedOf(deps, api);
      return toWire(api, { watched, baseUrls: addressesOf(api, names) }, ctx.clock().getTime());
    }),
  );
  return toPage(services, apis.length, query);
}

/** An object that does not answer leaves a service unknown, and the list readable. */
async function watchedOf({ log, watchedOf: ask, wait }: ServiceDeps, api: CompiledApi): Promise<Watched | undefined> {
  try {
    return await Promise.race([ask(api.organizationId, api.id), wait(PATIENCE).then(() => undefined)]);
  } catch (error) {
    const fields = { organization_id: api.organizationId, api_id: api.id, error: describeError(error) };
    log.warn('upstream.watch_unreachable', fields);
    return undefined;
  }
}

interface Known {
  watched: Watched | undefined;
  baseUrls: string[];
}

function toWire(api: CompiledApi, { watched, baseUrls }: Known, now: number) {
  const known = new Map(watched?.upstreams.map((upstream) => [upstream.id, upstream]));
  return {
    id: api.id,
    slug: api.slug,
    name: api.name,
    status: serviceStatus(api, watched),
    lifecycle: lifecycleAt(api.lifecycle, now),
    visibility: api.visibility,
    base_urls: baseUrls,
    default_version: usualVersion(api, now),
    versions: api.versions.map(({ name, lifecycle }) => ({
      name,
      status: versionLifecycleAt(api.lifecycle, lifecycle, now),
    })),
    pools: api.pools.map((pool) => poolToWire(pool, known)),
    last_call_at: momentOf(watched?.heardAt),
  };
}

const poolToWire = ({ name, balancing, upstreams }: CompiledPool, known: ReadonlyMap<string, WatchedUpstream>) => ({
  name,
  algorithm: balancing.algorithm,
  upstreams: upstreams.map((upstream) => {
    const seen = known.get(upstream.id);
    const { calls = 0, failures = 0, slow = 0 } = seen ?? {};
    return {
      url: upstream.url,
      weight: upstream.weight,
      backup: upstream.backup,
      state: upstreamState(upstream, seen),
      breaker: {
        state: seen?.breaker.state ?? ('closed' as const),
        since: momentOf(seen?.breaker.since),
        window: { calls, failures, slow },
      },
      health: { state: seen?.health ?? ('unknown' as const), checked_at: momentOf(seen?.checkedAt) },
      ejected_until: momentOf(seen?.ejectedUntil),
    };
  }),
});

const momentOf = (at: number | null | undefined) => (at ? rfc3339(new Date(at)) : null);
