import { MINUTE, SECOND } from '../../kernel/clock.ts';

interface EndpointState {
  failures: number;
  /** Milliseconds since 1970; no request is made before. */
  retryAt: number;
}

/** Which of a chain's endpoints to use. Kept in memory: after a restart every endpoint deserves a try. */
export interface EndpointTable {
  /** The one used last, which stays in use until it fails or lags: heads of different nodes differ by a block or two. */
  readonly current: number;
  readonly states: readonly EndpointState[];
}

const FIRST_PAUSE = SECOND;
const LONGEST_PAUSE = MINUTE;

export const newEndpointTable = (count: number): EndpointTable => ({
  current: 0,
  states: Array.from({ length: count }, () => ({ failures: 0, retryAt: 0 })),
});

/** Endpoints to try now, in order: the current one, then those after it in a circle; without those that pause. */
export function candidates({ current, states }: EndpointTable, now: number): number[] {
  return states
    .map((_, offset) => (current + offset) % states.length)
    .filter((index) => (states[index]?.retryAt ?? 0) <= now);
}

/** After a failure the endpoint pauses: 1 s, 2 s, 4 s … up to a minute. */
export function failed(table: EndpointTable, index: number, now: number): EndpointTable {
  return update(table, index, ({ failures }) => ({
    failures: failures + 1,
    retryAt: now + Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(failures, 10)),
  }));
}

export const succeeded = (table: EndpointTable, index: number): EndpointTable =>
  update(table, index, () => ({ failures: 0, retryAt: 0 }));

/** Prefers an endpoint from now on. */
export const preferring = (table: EndpointTable, index: number): EndpointTable => ({ ...table, current: index });

/** Prefers the next endpoint from now on, without holding anything against this one. */
export const rotated = (table: EndpointTable): EndpointTable => ({
  ...table,
  current: (table.current + 1) % Math.max(table.states.length, 1),
});

const update = (
  table: EndpointTable,
  index: number,
  change: (state: EndpointState) => EndpointState,
): EndpointTable => ({ ...table, states: table.states.map((state, at) => (at === index ? change(state) : state)) });
