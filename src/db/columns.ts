import { timestamp } from 'drizzle-orm/pg-core';

/** A moment with time zone, read as `Date`. Precision is milliseconds, so that a value survives the round trip. */
export const moment = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' });
