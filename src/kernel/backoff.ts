/**
 * Delay before the next try: the schedule's entry for this many failures, spread by ±`jitter` so that many
 * deliveries that failed together do not return together. `undefined` when the schedule is used up.
 */
export function nextDelay(
  schedule: readonly number[],
  failures: number,
  random: () => number = Math.random,
  jitter = 0.2,
): number | undefined {
  const base = schedule[failures - 1];
  if (base === undefined) return undefined;
  return Math.round(base * (1 - jitter + 2 * jitter * random()));
}
