import type { Routes } from '../../http/route.ts';
import * as contract from './contract.ts';
import { listEvents, type StreamDeps, streamEvents } from './service.ts';

export function addEventRoutes(routes: Routes, deps: StreamDeps) {
  routes.open(contract.listEvents, (ctx, { query }) => listEvents(ctx, query));
  routes.open(contract.streamEvents, (ctx, { query, headers }) =>
    streamEvents(ctx, deps, query, headers['last-event-id']),
  );
}
