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
