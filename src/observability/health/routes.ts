import { type Database, isReachable } from '../../db/client.ts';
import type { Routes } from '../../http/route.ts';
import { VERSION } from '../../kernel/version.ts';
import { getHealth } from './contract.ts';

/** Below what load balancers wait for an answer to a health check. */
const TIMEOUT_MS = 3_000;

export function addHealthRoutes(routes: Routes, db: Database) {
  routes.app.get(getHealth.path, async (c) => {
    const up = await isReachable(db, TIMEOUT_MS);
    return up
      ? c.json({ status: 'healthy', database: 'connected', version: VERSION })
      : c.json({ status: 'unhealthy', database: 'disconnected', version: VERSION }, 503);
  });
}
