import { and, eq, sql } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import type { ActionRow } from './store.ts';
import { triggerActions } from './table.ts';

/**
 * Changes one text field of an action's config, if it still says what it said. Answers the action before and after;
 * nothing when there was nothing to change.
 */
export async function moveAction(
  tx: Executor,
  id: number,
  { field, from, to }: { field: string; from: string; to: string },
): Promise<{ before: ActionRow; after: ActionRow } | undefined> {
  const [after] = await tx
    .update(triggerActions)
    .set({ config: sql`${triggerActions.config} || jsonb_build_object(${field}::text, ${to}::text)` })
    .where(and(eq(triggerActions.id, id), sql`${triggerActions.config} ->> ${field}::text = ${from}`))
    .returning();
  return after && { before: { ...after, config: { ...after.config, [field]: from } }, after };
}
