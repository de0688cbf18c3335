import type { Waiting } from '../../deliveries/allowance-store.ts';

/**
 * The ids with organizations taking turns, each in its own order: whoever has much to be sent stands in nobody's way who has
 * little.
 */
export function inTurns(waiting: readonly Waiting[]): string[] {
  let queues = [...Map.groupBy(waiting, ({ organizationId }) => organizationId).values()];
  const ordered: string[] = [];
  for (let turn = 0; queues.length > 0; turn += 1) {
    for (const queue of queues) {
      const next = queue[turn];
      if (next) ordered.push(next.id);
    }
    queues = queues.filter(({ length }) => length > turn + 1);
  }
  return ordered;
}
