import type { MiddlewareHandler } from 'hono';
import type { Routes } from '../../http/route.ts';
import * as contract from './contract.ts';
import { challengeWallet, logInWallet, type WalletDeps } from './service.ts';

export interface WalletRouteDeps extends WalletDeps {
  /** By address. */
  limit: MiddlewareHandler;
}

export function addWalletRoutes(routes: Routes, { limit, ...deps }: WalletRouteDeps) {
  routes.app.use(contract.challengeWallet.path, limit);
  routes.app.use(contract.logInWallet.path, limit);
  routes.open(contract.challengeWallet, (ctx, { body }) => challengeWallet(ctx, deps, body));
  routes.open(contract.logInWallet, (ctx, { body }) => logInWallet(ctx, deps, body));
}
