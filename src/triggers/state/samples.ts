/** Times of events in a span, oldest first, in seconds. */
export type Times = readonly number[];

/** When the last of them leaves the span. */
export const endOf = (times: Times, span: number): number => Math.max(0, (times.at(-1) ?? -span) + span);

/** Those that are in the span which ends at `at`, without its beginning: what is as old as the span has left it. */
export const within = (times: Times, at: number, span: number): number[] => times.filter((time) => time > at - span);

/** The newest `most` of them: older ones can never be told apart from them in what is compared. */
export const newest = (times: Times, most: number): number[] => times.slice(-most);
