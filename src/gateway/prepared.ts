import { type CacheScope, cacheScope } from './cache/index.ts';
import type { CompiledApi, CompiledEndpoint, CompiledGateway, CompiledPool } from './compiled.ts';
import { compileInjection, type Injection } from './headers/credentials.ts';
import { createRouter, type RoutedCall, type Router } from './routing/router.ts';
import {
  compileRequestTransform,
  compileResponseTransform,
  type RequestChanges,
  type ResponseChanges,
} from './transform/compile.ts';
import { type CorsRules, compileCors } from './transform/cors.ts';
import { selectingFields } from './vary.ts';

/** What an organization's calls are served with, for as long as this version of its gateway is in force. */
export interface GatewayView {
  version: number;
  names: ReadonlySet<string>;
  /** The slug of the API that all paths of a host belong to, by the name of the host. */
  boundTo: ReadonlyMap<string, string>;
  router: Router;
  /** By which fields of a request its way through an API is chosen. */
  selectedBy(api: CompiledApi): readonly string[];
  /** Nothing where the API has no rules for other origins. */
  corsOf(api: CompiledApi): CorsRules | null;
  poolOf(api: CompiledApi, name: string): CompiledPool;
  /** What the calls of an endpoint in a version have in common. */
  planOf(call: RoutedCall): CallPlan;
}

export interface CallPlan {
  request: RequestChanges;
  response: ResponseChanges;
  scope: CacheScope;
  /** Nothing where no credential is put in. */
  injection: Promise<Injection> | null;
}

export interface ViewDeps {
  /** Opens a secret of an API. */
  openSecret(apiId: string, sealed: string): Promise<string>;
}

/** Prepares everything about a gateway that does not depend on the single call, each part when it is first needed. */
export function viewOf(deps: ViewDeps, gateway: CompiledGateway): GatewayView {
  const rules = new Map(gateway.apis.map((api) => [api, api.cors && compileCors(api.cors)]));
  const pools = new Map(gateway.apis.map((api) => [api, new Map(api.pools.map((pool) => [pool.name, pool]))]));
  const selecting = new Map<CompiledApi, readonly string[]>();
  const plans = new Map<CompiledEndpoint | CompiledApi, Map<string | null, CallPlan>>();
  return {
    version: gateway.version,
    names: new Set(gateway.names),
    boundTo: new Map(Object.entries(gateway.boundTo)),
    router: createRouter(gateway),
    selectedBy(api) {
      const fields = selecting.get(api) ?? selectingFields(api);
      selecting.set(api, fields);
      return fields;
    },
    corsOf: (api) => rules.get(api) ?? null,
    poolOf(api, name) {
      const pool = pools.get(api)?.get(name);
      if (!pool) throw new Error('an API was published with a split over a pool that it does not have');
      return pool;
    },
    planOf(call) {
      const owner = call.endpoint ?? call.api;
      const version = call.version?.name ?? null;
      let known = plans.get(owner);
      if (!known) {
        known = new Map();
        plans.set(owner, known);
      }
      let plan = known.get(version);
      if (!plan) {
        plan = prepare(deps, call);
        known.set(version, plan);
      }
      return plan;
    },
  };
}

function prepare(deps: ViewDeps, { api, endpoint, version, plan: { policy } }: RoutedCall): CallPlan {
  const { inject } = policy.credentials;
  const place = { endpointId: endpoint?.id ?? null, version: version?.name ?? null, policy };
  return {
    request: compileRequestTransform(policy.request, endpoint?.path ?? null),
    response: compileResponseTransform(policy.response),
    scope: cacheScope(api, place),
    injection: inject.length === 0 ? null : openAll(deps, api, inject),
  };
}

function openAll(deps: ViewDeps, api: CompiledApi, inject: Parameters<typeof compileInjection>[0]): Promise<Injection> {
  const opened = Promise.all(inject.map(({ sealed }) => deps.openSecret(api.id, sealed)));
  const injection = opened.then((secrets) => compileInjection(inject, secrets));
  // Who waits for it is told; that nobody waits at this moment is no failure of its own.
  injection.catch(() => undefined);
  return injection;
}
