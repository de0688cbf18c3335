import type { MiddlewareHandler } from 'hono';
import type { Routes } from '../../http/route.ts';
import * as contract from './contract.ts';
import { logIn, refreshSession, registerUser } from './service.ts';
import type { TokenSettings } from './tokens.ts';

export interface UserRouteDeps {
  tokens: TokenSettings;
  /** Limits by address, which run before a password is hashed. */
  limits: Record<'register' | 'login', MiddlewareHandler>;
}

export function addUserRoutes(routes: Routes, { tokens, limits }: UserRouteDeps) {
  routes.app.use(contract.register.path, limits.register);
  routes.app.use(contract.login.path, limits.login);
  routes.app.use(contract.refresh.path, limits.login);
  routes.open(contract.register, (ctx, { body }) => registerUser(ctx, tokens, body));
  routes.open(contract.login, (ctx, { body }) => logIn(ctx, tokens, body));
  routes.open(contract.refresh, (ctx, { body }) => refreshSession(ctx, tokens, body.refresh_token));
}
