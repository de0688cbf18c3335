export { eventIdOf } from './drain.ts';
export type { WatcherDeps } from './object.ts';
export type { WatcherStatus } from './status.ts';
export { chainEvents, chainFeed, type EventStatus, type FeedOperation, undecodedLogs } from './table.ts';
