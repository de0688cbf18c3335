import { and, asc, count, desc, eq, inArray, lte, sql } from 'drizzle-orm';
import { type Database, danglingOf, type Executor } from '../../db/client.ts';
import { newUuid } from '../../kernel/id.ts';
import type { PageRequest } from '../../kernel/page.ts';
import { audit } from '../../telemetry/audit.ts';
import type { Spending } from '../protocol.ts';
import { organizationEvents, usageDrawers, usageWindows } from './table.ts';
import type { ClosedWindow, QuotaEvent } from './window.ts';

const JOB = { principal: { kind: 'system', job: 'quota' }, requestId: '', address: '' } as const;

/**
 * Puts a window on record, with its parts. The same window again changes nothing, whatever it says then; of an
 * organization that is gone nothing is kept.
 */
export async function recordWindow(db: Database, organizationId: string, window: ClosedWindow): Promise<void> {
  const startedAt = new Date(window.startedAt);
  await unlessGone(
    db.transaction(async (tx) => {
      const recorded = await tx
        .insert(usageWindows)
        .values({
          ...{ organizationId, startedAt, endedAt: new Date(window.endedAt) },
          ...{ units: window.units, unitLimit: window.limit, ...callColumns(window) },
        })
        .onConflictDoNothing({ target: [usageWindows.organizationId, usageWindows.startedAt] })
        .returning({ startedAt: usageWindows.startedAt });
      if (recorded.length > 0 && window.drawers.length > 0) {
        await insertDrawers(tx, organizationId, startedAt, window.drawers);
      }
    }),
  );
}

const callColumns = ({ calls: [tier0Calls, tier1Calls, tier2Calls, tier3Calls] }: Pick<Spending, 'calls'>) => ({
  tier0Calls,
  tier1Calls,
  tier2Calls,
  tier3Calls,
});

/** As one JSON parameter: a window may have more drawers than a statement takes parameters. */
async function insertDrawers(
  tx: Executor,
  organizationId: string,
  startedAt: Date,
  drawers: readonly Spending[],
): Promise<void> {
  const rows = drawers.map(({ drawer, units, calls: [t0, t1, t2, t3] }) => ({ drawer, units, t0, t1, t2, t3 }));
  await tx.execute(sql`
    insert into ${usageDrawers}
      (organization_id, started_at, drawer, units, tier0_calls, tier1_calls, tier2_calls, tier3_calls)
    select ${organizationId}::uuid, ${startedAt.toISOString()}::timestamptz, d.drawer,
      sum(d.units), sum(d.t0), sum(d.t1), sum(d.t2), sum(d.t3)
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as d(drawer text, units bigint, t0 bigint, t1 bigint, t2 bigint, t3 bigint)
    group by d.drawer`);
}

/**
 * Records what the organization is to be told of, once per `dedupeKey`. That requests were let through unmeasured also
 * leaves a row in the audit trail, in the same transaction. Of an organization that is gone nothing is kept.
 */
export async function recordEvent(db: Database, organizationId: string, event: QuotaEvent): Promise<void> {
  const { type, dedupeKey, data } = event;
  const occurredAt = new Date(event.occurredAt);
  await unlessGone(
    db.transaction(async (tx) => {
      const recorded = await tx
        .insert(organizationEvents)
        .values({ id: newUuid(), organizationId, type, dedupeKey, data, occurredAt })
        .onConflictDoNothing({ target: [organizationEvents.organizationId, organizationEvents.dedupeKey] })
        .returning({ id: organizationEvents.id });
      if (recorded.length === 0 || type !== 'quota.degraded') return;
      await audit(
        tx,
        { ...JOB, clock: () => occurredAt, organizationId },
        { action: type, target: { type: 'organization', id: organizationId }, after: data },
      );
    }),
  );
}

export type EventRow = typeof organizationEvents.$inferSelect;

export interface EventFilter {
  type?: string | undefined;
}

/** Newest first. */
export async function listEvents(db: Executor, organizationId: string, { type }: EventFilter, page: PageRequest) {
  const { id, occurredAt, type: ofType } = organizationEvents;
  const wanted = and(
    eq(organizationEvents.organizationId, organizationId),
    type === undefined ? undefined : eq(sql`${ofType}`, type),
  );
  const [rows, totals] = await Promise.all([
    db
      .select()
      .from(organizationEvents)
      .where(wanted)
      .orderBy(desc(occurredAt), desc(id))
      .limit(page.limit)
      .offset(page.offset),
    db.select({ total: count() }).from(organizationEvents).where(wanted),
  ]);
  return { rows, total: totals[0]?.total ?? 0 };
}

/** The object of an organization may have something left to say when the organization is deleted. */
async function unlessGone(recording: Promise<void>): Promise<void> {
  await recording.catch((error: unknown) => {
    if (!danglingOf(error)?.endsWith('_organization_id_organizations_id_fk')) throw error;
  });
}

/** Deletes some windows that began before the moment, with their parts, oldest first; tells how many. */
export async function deleteOldWindows(db: Executor, before: Date, limit: number): Promise<number> {
  const { organizationId, startedAt } = usageWindows;
  const old = db
    .select({ organizationId, startedAt })
    .from(usageWindows)
    .where(lte(startedAt, before))
    .orderBy(asc(startedAt))
    .limit(limit)
    .for('update', { skipLocked: true });
  const rows = await db
    .delete(usageWindows)
    .where(sql`(${organizationId}, ${startedAt}) in ${old}`)
    .returning({ startedAt });
  return rows.length;
}

/** Deletes some events from before the moment, oldest first; tells how many. */
export async function deleteOldEvents(db: Executor, before: Date, limit: number): Promise<number> {
  const old = db
    .select({ id: organizationEvents.id })
    .from(organizationEvents)
    .where(lte(organizationEvents.occurredAt, before))
    .orderBy(asc(organizationEvents.occurredAt))
    .limit(limit)
    .for('update', { skipLocked: true });
  const rows = await db
    .delete(organizationEvents)
    .where(inArray(organizationEvents.id, old))
    .returning({ id: organizationEvents.id });
  return rows.length;
}
