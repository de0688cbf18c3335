import type { MiddlewareHandler } from 'hono';
import type { Routes } from '../../http/route.ts';
import type { TokenSettings } from '../jwt.ts';
import * as contract from './contract.ts';
import { listSessions, logOut, refreshSession, revokeOtherSessions, revokeSession } from './service.ts';

interface SessionRouteDeps {
  tokens: TokenSettings;
  limits: Record<'login', MiddlewareHandler>;
}

export function addSessionRoutes(routes: Routes, { tokens, limits }: SessionRouteDeps) {
  routes.app.use(contract.refresh.path, limits.login);
  routes.open(contract.refresh, (ctx, { body }) => refreshSession(ctx, tokens, body.refresh_token));
  routes.user(contract.logout, (ctx) => logOut(ctx));
  routes.user(contract.listSessions, (ctx, { query }) => listSessions(ctx, query));
  routes.user(contract.revokeSession, (ctx, { params }) => revokeSession(ctx, params.id));
  routes.user(contract.revokeOtherSessions, (ctx) => revokeOtherSessions(ctx));
}
