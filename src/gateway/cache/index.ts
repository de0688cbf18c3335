export { type CacheDeps, createCache, type GatewayCache } from './cache.ts';
export type { Ask, Forward } from './origin.ts';
export { NEVER_PURGED, type Purge, purge } from './purge.ts';
export type { CacheRequest } from './request.ts';
export { type CacheScope, cacheScope } from './scope.ts';
export { type CacheStore, workersCacheStore } from './store.ts';
