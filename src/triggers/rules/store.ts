import { and, asc, count, desc, eq, inArray, type SQL, sql } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import { organizationsOf } from '../../identity/index.ts';
import type { PageRequest } from '../../kernel/page.ts';
import { triggerActions, triggerChanges, triggerConditions, triggers } from './table.ts';

export type TriggerRow = typeof triggers.$inferSelect;
export type ConditionRow = typeof triggerConditions.$inferSelect;
export type ActionRow = typeof triggerActions.$inferSelect;

/** A trigger inside the organization that the caller has been admitted to. */
export interface TriggerKey {
  organizationId: string;
  triggerId: string;
}

const isTrigger = ({ organizationId, triggerId }: TriggerKey) =>
  and(eq(triggers.id, triggerId), eq(triggers.organizationId, organizationId));

const isConditionOf = ({ organizationId, triggerId }: TriggerKey, id: number) =>
  and(
    eq(triggerConditions.id, id),
    eq(triggerConditions.triggerId, triggerId),
    eq(triggerConditions.organizationId, organizationId),
  );

const isActionOf = ({ organizationId, triggerId }: TriggerKey, id: number) =>
  and(
    eq(triggerActions.id, id),
    eq(triggerActions.triggerId, triggerId),
    eq(triggerActions.organizationId, organizationId),
  );

/** The organization that a trigger belongs to, and nothing else about it. */
export async function organizationOfTrigger(db: Executor, triggerId: string): Promise<string | undefined> {
  const rows = await db
    .select({ organizationId: triggers.organizationId })
    .from(triggers)
    .where(eq(triggers.id, triggerId))
    .limit(1);
  return rows[0]?.organizationId;
}

/** Tells the matchers, in the transaction of the change, that a trigger is no longer what they know. */
async function noteChange(tx: Executor, triggerId: string, now: Date): Promise<void> {
  await tx.insert(triggerChanges).values({ triggerId, changedAt: now });
}

export async function insertTrigger(tx: Executor, row: TriggerRow): Promise<void> {
  await tx.insert(triggers).values(row);
  await noteChange(tx, row.id, row.createdAt);
}

/**
 * Locks a trigger for a change to it or its children and counts its version up. Changes to one trigger so happen one
 * after the other.
 */
export async function changeTrigger(
  tx: Executor,
  key: TriggerKey,
  patch: Partial<TriggerRow>,
  now: Date,
): Promise<TriggerRow | undefined> {
  const rows = await tx
    .update(triggers)
    .set({ ...patch, version: sql`${triggers.version} + 1` })
    .where(isTrigger(key))
    .returning();
  if (rows[0]) await noteChange(tx, key.triggerId, now);
  return rows[0];
}

export async function deleteTrigger(tx: Executor, key: TriggerKey, now: Date): Promise<TriggerRow | undefined> {
  const rows = await tx.delete(triggers).where(isTrigger(key)).returning();
  if (rows[0]) await noteChange(tx, key.triggerId, now);
  return rows[0];
}

/**
 * Tells the matchers that an organization's triggers are about to go with it. Takes them in the order in which matches
 * do, so that the two cannot block each other.
 */
export async function noteOrganizationGoes(tx: Executor, organizationId: string, now: Date): Promise<void> {
  await tx.execute(sql`
    with going as (
      select id from ${triggers} where organization_id = ${organizationId} order by id for update
    )
    insert into ${triggerChanges} (trigger_id, changed_at)
    select id, ${now.toISOString()}::timestamptz from going`);
}

/** Reads a trigger that is about to be changed, so that nobody else changes it meanwhile. */
export async function lockTrigger(tx: Executor, key: TriggerKey): Promise<TriggerRow | undefined> {
  const rows = await tx.select().from(triggers).where(isTrigger(key)).limit(1).for('update');
  return rows[0];
}

export async function findTrigger(db: Executor, key: TriggerKey): Promise<TriggerRow | undefined> {
  const rows = await db.select().from(triggers).where(isTrigger(key)).limit(1);
  return rows[0];
}

/** What a list may show: the organizations of a person, or the one of a key or wallet. */
export type Visibility = { userId: string } | { organizationId: string };

/** Newest first: of one organization that is visible, or of all of them. */
export async function listTriggers(
  db: Executor,
  visibility: Visibility,
  organizationId: string | undefined,
  page: PageRequest,
) {
  const visible: SQL | undefined = and(
    'userId' in visibility
      ? inArray(triggers.organizationId, organizationsOf(db, visibility.userId))
      : eq(triggers.organizationId, visibility.organizationId),
    organizationId === undefined ? undefined : eq(triggers.organizationId, organizationId),
  );
  const [rows, totals] = await Promise.all([
    db
      .select()
      .from(triggers)
      .where(visible)
      .orderBy(desc(triggers.createdAt), desc(triggers.id))
      .limit(page.limit)
      .offset(page.offset),
    db.select({ total: count() }).from(triggers).where(visible),
  ]);
  return { rows, total: totals[0]?.total ?? 0 };
}

export async function listConditions(db: Executor, { organizationId, triggerId }: TriggerKey): Promise<ConditionRow[]> {
  return db
    .select()
    .from(triggerConditions)
    .where(and(eq(triggerConditions.triggerId, triggerId), eq(triggerConditions.organizationId, organizationId)))
    .orderBy(asc(triggerConditions.id));
}

export async function listActions(db: Executor, { organizationId, triggerId }: TriggerKey): Promise<ActionRow[]> {
  return db
    .select()
    .from(triggerActions)
    .where(and(eq(triggerActions.triggerId, triggerId), eq(triggerActions.organizationId, organizationId)))
    .orderBy(asc(triggerActions.priority), asc(triggerActions.id));
}

export async function insertCondition(tx: Executor, row: typeof triggerConditions.$inferInsert): Promise<ConditionRow> {
  const [inserted] = await tx.insert(triggerConditions).values(row).returning();
  if (!inserted) throw new Error('the condition was not inserted');
  return inserted;
}

export async function updateCondition(
  tx: Executor,
  key: TriggerKey,
  id: number,
  patch: Partial<ConditionRow>,
): Promise<ConditionRow | undefined> {
  const rows = await tx.update(triggerConditions).set(patch).where(isConditionOf(key, id)).returning();
  return rows[0];
}

export async function findCondition(tx: Executor, key: TriggerKey, id: number): Promise<ConditionRow | undefined> {
  const rows = await tx.select().from(triggerConditions).where(isConditionOf(key, id)).limit(1);
  return rows[0];
}

export async function deleteCondition(tx: Executor, key: TriggerKey, id: number): Promise<ConditionRow | undefined> {
  const rows = await tx.delete(triggerConditions).where(isConditionOf(key, id)).returning();
  return rows[0];
}

export async function insertAction(tx: Executor, row: typeof triggerActions.$inferInsert): Promise<ActionRow> {
  const [inserted] = await tx.insert(triggerActions).values(row).returning();
  if (!inserted) throw new Error('the action was not inserted');
  return inserted;
}

export async function findAction(tx: Executor, key: TriggerKey, id: number): Promise<ActionRow | undefined> {
  const rows = await tx.select().from(triggerActions).where(isActionOf(key, id)).limit(1);
  return rows[0];
}

export async function updateAction(
  tx: Executor,
  key: TriggerKey,
  id: number,
  patch: Partial<ActionRow>,
): Promise<ActionRow | undefined> {
  const rows = await tx.update(triggerActions).set(patch).where(isActionOf(key, id)).returning();
  return rows[0];
}

export async function deleteAction(tx: Executor, key: TriggerKey, id: number): Promise<ActionRow | undefined> {
  const rows = await tx.delete(triggerActions).where(isActionOf(key, id)).returning();
  return rows[0];
}
