import type { EdgeState } from './edge-state.ts';
import { addTo } from './leases.ts';
import { giveBack as giveBackTo } from './limits/algorithm.ts';
import { addCalls, type Draft, NO_CALLS, oneCall, write } from './state.ts';

/**
 * Gives back what a request was charged, once, in the window it was charged in and while that is not recorded: the
 * request failed for a reason that is not the caller's.
 */
export function giveBack(edge: EdgeState | undefined, draft: Draft, operationId: string): void {
  const operation = draft.state.operations.get(operationId);
  if (!operation || operation.givenBack) return;
  draft.now = Math.max(draft.now, draft.state.seenAt);
  write(draft, { kind: 'operation', row: { ...operation, givenBack: true } });
  const { startedAt, drawer, units, tier, at } = operation;
  const calls = addCalls(NO_CALLS, oneCall(tier), -1);
  addTo(draft, startedAt, drawer, { charged: -units, leased: 0, calls });
  for (const { limit: limitId, key } of operation.counters) {
    const limit = edge?.limits.find(({ id }) => id === limitId);
    const row = draft.state.counters.get(key);
    if (!limit || !row) continue;
    write(draft, { kind: 'counter', row: { ...row, counter: giveBackTo(limit, row.counter, units, at, draft.now) } });
  }
}
