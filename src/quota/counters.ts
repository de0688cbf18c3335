import type { EdgeState } from './edge-state.ts';
import { endsAt } from './limits/algorithm.ts';
import { type Draft, erase } from './state.ts';

/** Drops the counters that say no more than having none. */
export function dropCounters(edge: EdgeState, draft: Draft): void {
  for (const row of [...draft.state.counters.values()]) {
    const limit = edge.limits.find(({ id }) => id === row.limit);
    if (!limit || endsAt(limit, row.counter) <= draft.now) erase(draft, { kind: 'counter', row });
  }
}

const FEW = 1_000;

/** Addresses come and go: what says nothing any more is dropped before there are too many. */
export function makeRoom(edge: EdgeState, draft: Draft): void {
  const { state } = draft;
  if (state.counters.size < state.countersUntil) return;
  dropCounters(edge, draft);
  state.countersUntil = Math.max(FEW, 2 * state.counters.size);
}
