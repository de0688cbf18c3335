import type { Clock } from '../../kernel/clock.ts';
import type { Flights } from './flights.ts';
import type { Forward } from './origin.ts';
import type { Budget, NewPipe } from './pump.ts';
import type { CacheRequest, Terms } from './request.ts';
import type { CacheScope } from './scope.ts';
import type { Place, Shelf } from './shelf.ts';

/** What the cache of one isolate works with. */
export interface Engine {
  shelf: Shelf;
  flights: Flights;
  clock: Clock;
  pipe: NewPipe;
  budget: Budget;
}

/** One GET or HEAD on its way through the cache. */
export interface Call {
  request: CacheRequest;
  scope: CacheScope;
  forward: Forward;
  terms: Terms;
  place: Place;
  /** The query that is sent to the upstream. */
  query: string;
  /** The client has its answer already; this one freshens the store. */
  behind: boolean;
}
