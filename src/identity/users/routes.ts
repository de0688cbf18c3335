import type { MiddlewareHandler } from 'hono';
import type { Routes } from '../../http/route.ts';
import type { TokenSettings } from '../jwt.ts';
import type { NewOrganizationDeps } from '../organizations/service.ts';
import * as contract from './contract.ts';
import { argon2id } from './password.ts';
import { changePassword, logIn, registerUser } from './service.ts';

interface UserRouteDeps {
  tokens: TokenSettings;
  newOrganizations: NewOrganizationDeps;
  /** Limits by address, which run before a password is hashed. */
  limits: Record<'register' | 'login', MiddlewareHandler>;
}

export function addUserRoutes(routes: Routes, { tokens, newOrganizations, limits }: UserRouteDeps) {
  const deps = { tokens, newOrganizations, passwords: argon2id };
  routes.app.use(contract.register.path, limits.register);
  routes.app.use(contract.login.path, limits.login);
  routes.app.use(contract.changePassword.path, limits.login);
  routes.open(contract.register, (ctx, { body }) => registerUser(ctx, deps, body));
  routes.open(contract.login, (ctx, { body }) => logIn(ctx, deps, body));
  routes.user(contract.changePassword, (ctx, { body }) => changePassword(ctx, argon2id, body));
}
