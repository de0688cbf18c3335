/** Time as a dependency: production hands in the system clock, tests a frozen one. */
export type Clock = () => Date;

export const systemClock: Clock = () => new Date();

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export const later = (from: Date, ms: number) => new Date(from.getTime() + ms);

/** RFC 3339 in whole seconds, the form in which the public contract shows every timestamp. */
export const rfc3339 = (date: Date) => date.toISOString().replace(/\.\d{3}Z$/, 'Z');
