import { Hono } from 'hono';
import { except } from 'hono/combine';
import { advertisedPlans } from './billing/index.ts';
import type { AppDeps } from './context.ts';
import { addChannelRoutes } from './gateway/channels/routes.ts';
import {
  addApiRoutes,
  addDomainRoutes,
  addHostRoutes,
  addOpenApiRoutes,
  fetchDocument,
} from './gateway/registry/index.ts';
import { addServiceRoutes } from './gateway/services/routes.ts';
import { checkTransform } from './gateway/transform/check.ts';
import { limitByAddress } from './http/address-limit.ts';
import { methodsAt } from './http/allow.ts';
import type { AppEnv } from './http/app-env.ts';
import {
  withBodyLimit,
  withCors,
  withDefaultHeaders,
  withOriginCheck,
  withRequestId,
  withRequestLog,
  withSecurityHeaders,
} from './http/middleware.ts';
import { answerError, answerNoRoute } from './http/problem.ts';
import { withQuotaFields } from './http/quota-fields.ts';
import { createRoutes } from './http/route.ts';
import { addAgentRoutes } from './identity/agents/routes.ts';
import { addApiKeyRoutes } from './identity/api-keys/routes.ts';
import { ownOrganization } from './identity/index.ts';
import { addMemberRoutes } from './identity/members/routes.ts';
import { holdOrganization } from './identity/organizations/hold.ts';
import { addOrganizationRoutes } from './identity/organizations/routes.ts';
import { findOrganization } from './identity/organizations/store.ts';
import { addSessionRoutes } from './identity/sessions/routes.ts';
import { addUserRoutes } from './identity/users/routes.ts';
import { addWalletRoutes } from './identity/wallets/routes.ts';
import { VERSION } from './kernel/version.ts';
import { addAuditRoutes } from './observability/audit/routes.ts';
import { addHealthRoutes } from './observability/health/routes.ts';
import { addRequestLogRoutes } from './observability/requests/routes.ts';
import { OPERATIONS, RESERVED_SLUGS } from './operations.ts';
import { isAllowed } from './outbound/allow-list.ts';
import { portOf, urlFault } from './outbound/guard.ts';
import { addDiscoveryRoutes } from './portal/discovery/routes.ts';
import { addDocsRoutes } from './portal/docs/routes.ts';
import { addOrganizationEventRoutes } from './quota/events/routes.ts';
import { addRateLimitRoutes } from './quota/rate-limits/routes.ts';
import { addUsageRoutes } from './quota/usage/routes.ts';
import { addCircuitRoutes } from './triggers/circuits/routes.ts';
import { addDeliveryRoutes } from './triggers/deliveries/routes.ts';
import { addEventRoutes } from './triggers/events/routes.ts';
import { addFollowRoutes } from './triggers/follows/routes.ts';
import { judgeTransfers } from './triggers/ingest/transfer-store.ts';
import { addReplayRoutes } from './triggers/replays/routes.ts';
import { addRuleRoutes } from './triggers/rules/routes.ts';
import { noteOrganizationGoes } from './triggers/rules/store.ts';
import { addTrialRoutes } from './triggers/trials/routes.ts';

/** The HTTP surface: what every request goes through, then which addresses exist. */
export function createApp(deps: AppDeps) {
  const { config, redis } = deps;
  const onChain = { baseUrl: config.baseUrl, chains: config.chains };
  const app = new Hono<AppEnv>();
  app.onError(answerError);
  app.notFound((c) => answerNoRoute(c, methodsAt(OPERATIONS, c.req.path)));
  app.use(withRequestId());
  app.use(withRequestLog(deps.log, deps.clock));
  app.use(withSecurityHeaders());
  app.use(withDefaultHeaders());
  app.use(except('/.well-known/*', withCors(config.allowedOrigins)));
  app.use(withOriginCheck(config.allowedOrigins, new URL(config.baseUrl).origin));
  app.use(withBodyLimit());
  app.use(withQuotaFields(deps.clock));

  const routes = createRoutes(deps);
  const limits = {
    register: limitByAddress(redis, 'register', config.authLimits.register),
    login: limitByAddress(redis, 'login', config.authLimits.login),
  };
  const newOrganizations = { plan: config.defaultPlan, log: deps.log };
  addUserRoutes(routes, { tokens: deps.tokens, newOrganizations, limits });
  addSessionRoutes(routes, { tokens: deps.tokens, limits });
  addWalletRoutes(routes, { ...onChain, tokens: deps.tokens, limit: limits.login });
  addOrganizationRoutes(routes, { beforeDeletion: noteOrganizationGoes, newOrganizations });
  addMemberRoutes(routes);
  addApiKeyRoutes(routes, deps);
  addAgentRoutes(routes, { ...onChain, judgeTransfers });
  const registry = {
    holdOrganization,
    keyRing: deps.keyRing,
    isListed: (url: URL) => isAllowed(deps.outboundPolicy.allow, url.hostname, portOf(url)),
    reservedSlugs: RESERVED_SLUGS,
    urlFault: (url: string) => urlFault(url, deps.outboundPolicy),
    checkPolicy: checkTransform,
  };
  addApiRoutes(routes, registry);
  addOpenApiRoutes(routes, {
    ...registry,
    baseUrl: config.baseUrl,
    fetchDocument: (url) => fetchDocument(deps.guardedFetch, url),
    slugOf: async (db, organizationId) => (await findOrganization(db, organizationId))?.slug,
  });
  const hosts = { holdOrganization, prove: deps.prove };
  addHostRoutes(routes, hosts);
  addDomainRoutes(routes, {
    ...hosts,
    // What may be called is not what may be somebody's own.
    hostFault: (host) => urlFault(`https://${host}/`, { ...deps.outboundPolicy, allow: [] }),
  });
  addChannelRoutes(routes, deps.channels);
  addServiceRoutes(routes, { ...deps.services, ownOrganization });
  addRuleRoutes(routes, deps);
  addTrialRoutes(routes, { keyRing: deps.keyRing, version: VERSION });
  addCircuitRoutes(routes);
  addFollowRoutes(routes, deps);
  addDeliveryRoutes(routes, deps);
  addReplayRoutes(routes, deps);
  addEventRoutes(routes, deps);
  addRateLimitRoutes(routes, { holdOrganization, ownOrganization });
  addOrganizationEventRoutes(routes);
  addUsageRoutes(routes, { ...deps.usage, ownOrganization });
  addRequestLogRoutes(routes);
  addAuditRoutes(routes);
  addHealthRoutes(routes, deps.db);
  addDiscoveryRoutes(routes, { deployment: { ...config, plans: advertisedPlans() }, redis, clock: deps.clock });
  addDocsRoutes(routes, { operations: OPERATIONS, baseUrl: config.baseUrl, assets: deps.assets });
  app.route('/', routes.app);
  return app;
}
