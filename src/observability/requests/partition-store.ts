import { sql } from 'drizzle-orm';
import type { Database, Executor } from '../../db/client.ts';
import { type Day, dayOf } from './days.ts';

/** Any number, the same everywhere: whoever changes partitions takes turns. */
const LOCK = 800_400_002;

/** Longer than any statement that stands in the way should take; after that the next run tries again. */
const beginChange = async (tx: Executor) => {
  await tx.execute(sql`set local lock_timeout = '5s'`);
  await tx.execute(sql`select pg_advisory_xact_lock(${LOCK})`);
};

/** The partitions, oldest first; the default one, which has no day, comes last. */
export async function listPartitions(db: Executor): Promise<string[]> {
  const rows = await namesIn(
    db,
    sql`
    select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'request_logs'::regclass order by c.relname`,
  );
  return rows;
}

async function namesIn(db: Executor, query: ReturnType<typeof sql>): Promise<string[]> {
  const result = await db.execute(query);
  return (result as unknown as { rows: { name: string }[] }).rows.map(({ name }) => name);
}

/**
 * Makes the partition of a day, if there is none, and moves into it what came before it was made. Writers, and
 * readers of the default partition, wait for that long.
 */
export async function makePartition(db: Database, { partition, from, to }: Day): Promise<void> {
  const name = sql.identifier(partition);
  const bounds = sql.raw(`from ('${from.toISOString()}') to ('${to.toISOString()}')`);
  await db.transaction(async (tx) => {
    await beginChange(tx);
    if ((await listPartitions(tx)).includes(partition)) return;
    // Who writes has to wait before a partition is chosen: a row on its way to the default one would be refused there after.
    await tx.execute(sql`lock table only request_logs in share row exclusive mode`);
    await tx.execute(sql`lock table request_logs_default in access exclusive mode`);
    await tx.execute(sql`create table ${name} (like request_logs including defaults including constraints)`);
    await tx.execute(sql`
      with moved as (delete from request_logs_default where at >= ${from.toISOString()} and at < ${to.toISOString()} returning *)
      insert into ${name} select * from moved`);
    await tx.execute(sql`alter table request_logs attach partition ${name} for values ${bounds}`);
  });
}

/** Drops a day with all its calls. */
export async function dropPartition(db: Database, partition: string): Promise<void> {
  if (!dayOf(partition)) throw new Error(`${partition} is no day's partition`);
  await db.transaction(async (tx) => {
    await beginChange(tx);
    await tx.execute(sql`drop table if exists ${sql.identifier(partition)}`);
  });
}

/**
 * Deletes some calls of a partition that are older than their organization's plan keeps them, and all of organizations
 * that are gone; tells how many. Organizations are found by skipping from one to the next along the key.
 */
export async function deleteExpired(
  db: Executor,
  partition: string,
  { now, daysOf, limit }: { now: Date; daysOf: Readonly<Record<string, number>>; limit: number },
): Promise<number> {
  const name = sql.identifier(partition);
  const plans = JSON.stringify(Object.entries(daysOf).map(([plan, days]) => ({ plan, days })));
  const result = await db.execute(sql`
    with recursive owner as (
      (select organization_id from ${name} order by organization_id limit 1)
      union all
      select (select l.organization_id from ${name} l where l.organization_id > owner.organization_id
        order by l.organization_id limit 1)
      from owner where owner.organization_id is not null
    ), kept as (
      select owner.organization_id,
        coalesce(${now.toISOString()}::timestamptz - plans.days * interval '24 hours', 'infinity') as since
      from owner
      left join organizations o on o.id = owner.organization_id
      left join json_to_recordset(${plans}::json) as plans(plan text, days integer) on plans.plan = o.plan
      where owner.organization_id is not null
    ), expired as (
      select old.ctid from kept cross join lateral (
        select l.ctid from ${name} l where l.organization_id = kept.organization_id and l.at < kept.since limit ${limit}
      ) old limit ${limit}
    ), deleted as (
      delete from ${name} where ctid = any(array(select ctid from expired)) returning 1
    )
    select count(*)::int as deleted from deleted`);
  return (result as unknown as { rows: { deleted: number }[] }).rows[0]?.deleted ?? 0;
}

/** Deletes some notes of losses from before the moment; tells how many. */
export async function deleteOldLosses(db: Executor, before: Date, limit: number): Promise<number> {
  const result = await db.execute(sql`
    with deleted as (
      delete from request_log_losses where ctid = any(array(
        select ctid from request_log_losses where at < ${before.toISOString()} limit ${limit})) returning 1
    )
    select count(*)::int as deleted from deleted`);
  return (result as unknown as { rows: { deleted: number }[] }).rows[0]?.deleted ?? 0;
}
