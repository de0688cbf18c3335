import { Hono } from 'hono';
import type { AppDeps } from './context.ts';
import { limitByAddress } from './http/address-limit.ts';
import type { AppEnv } from './http/app-env.ts';
import {
  withBodyLimit,
  withCors,
  withDefaultHeaders,
  withRequestId,
  withRequestLog,
  withSecurityHeaders,
} from './http/middleware.ts';
import { answerError, answerNotFound } from './http/problem.ts';
import { createRoutes } from './http/route.ts';
import { addOrganizationRoutes } from './identity/organizations/routes.ts';
import { addUserRoutes } from './identity/users/routes.ts';
import { addHealthRoutes } from './observability/health/routes.ts';
import { OPERATIONS } from './operations.ts';
import { addDiscoveryRoutes } from './portal/discovery/routes.ts';
import { addDocsRoutes } from './portal/docs/routes.ts';
import { addDeliveryRoutes } from './triggers/deliveries/routes.ts';
import { addEventRoutes } from './triggers/events/routes.ts';
import { addRuleRoutes } from './triggers/rules/routes.ts';

/** The HTTP surface: what every request goes through, then which addresses exist. */
export function createApp(deps: AppDeps) {
  const { config, redis } = deps;
  const app = new Hono<AppEnv>();
  app.onError(answerError);
  app.notFound(answerNotFound);
  app.use(withRequestId());
  app.use(withRequestLog(deps.log, deps.clock));
  app.use(withSecurityHeaders());
  app.use(withDefaultHeaders());
  app.use(withCors(config.allowedOrigins));
  app.use(withBodyLimit());

  const routes = createRoutes(deps);
  addUserRoutes(routes, {
    tokens: deps.tokens,
    limits: {
      register: limitByAddress(redis, 'register', config.authLimits.register),
      login: limitByAddress(redis, 'login', config.authLimits.login),
    },
  });
  addOrganizationRoutes(routes);
  addRuleRoutes(routes, deps);
  addDeliveryRoutes(routes);
  addEventRoutes(routes);
  addHealthRoutes(routes, deps.db);
  addDiscoveryRoutes(routes, { deployment: config, redis, clock: deps.clock });
  addDocsRoutes(routes, { operations: OPERATIONS, baseUrl: config.baseUrl, assets: deps.assets });
  app.route('/', routes.app);
  return app;
}
