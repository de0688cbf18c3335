import type { EdgeLimit, LimitWindow } from '../../access/edge.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../kernel/clock.ts';

/** Milliseconds. Days, like the others, are counted from 1970 in UTC. */
export const WINDOW_LENGTHS: Readonly<Record<LimitWindow, number>> = {
  second: SECOND,
  minute: MINUTE,
  hour: HOUR,
  day: DAY,
};

/** Most units that can be had at once. */
export const capacityOf = ({ algorithm, limit, burst }: EdgeLimit): number =>
  algorithm === 'token_bucket' ? (burst ?? limit) : limit;

/** A counter read at one moment. All times are milliseconds since 1970. */
export interface Meter<C> {
  /** The counter as it was, or one that has counted nothing. */
  counter: C;
  /** Whole units that can be had. */
  remaining: number;
  /** When it will be whole if nothing else is charged; the moment itself when it is. */
  resetAt: number;
  /** When that many units can be had, at most as many as the limit has. */
  admitsAt(units: number): number;
  /** The counter with that many units more, at least one and at most `remaining`. */
  charge(units: number): C;
}
