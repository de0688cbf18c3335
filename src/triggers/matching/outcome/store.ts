import { and, asc, eq, inArray, or, sql } from 'drizzle-orm';
import type { Database, Executor } from '../../../db/client.ts';
import { newUuid } from '../../../kernel/id.ts';
import { deliveryEndpoint } from '../../actions/kinds.ts';
import { drawAllowances, type Excess, type Waiting } from '../../deliveries/allowance-store.ts';
import { deliveries } from '../../deliveries/table.ts';
import { triggerActions, triggers } from '../../rules/table.ts';
import { type StateChanges, writeStates } from '../../state/store.ts';
import type { BatchResult, EventAppearance, Fire } from '../batch.ts';
import { matcherCursors, triggerMatches } from '../table.ts';

/** Rows per statement: PostgreSQL takes 65,535 parameters, and a delivery has fourteen columns. */
const CHUNK = 1_000;

/** What a stretch of the feed came to. */
interface Outcome extends BatchResult {
  chainId: number;
  /** Where the cursor stood when the stretch was read; `null` where there was none. */
  from: number | null;
  now: Date;
  /** What became of the memories of triggers that remember. */
  states: StateChanges;
}

/** `committed: false`: another matcher has moved the cursor meanwhile, and nothing of this outcome was kept. */
type Commit = { committed: false } | { committed: true; deliveryIds: string[]; excess: Excess[] };

/**
 * Keeps an outcome, whole or not at all: the cursor's move, the matches, their deliveries, and what retracted events
 * take back. `deliveryIds` are the new deliveries that wait for their first attempt, in the order to attempt them;
 * `excess` are those that are not sent, since their organizations have had what an hour allows.
 */
export async function commitOutcome(db: Database, outcome: Outcome): Promise<Commit> {
  const { changed, removed } = outcome.states;
  if (outcome.fires.length + outcome.retractions.length + changed.length + removed.length === 0) {
    return (await moveCursor(db.query, outcome))
      ? { committed: true, deliveryIds: [], excess: [] }
      : { committed: false };
  }
  return db.transaction(async (tx) => {
    if (!(await moveCursor(tx, outcome))) return { committed: false };
    // Before their conditions and memories, as a deletion takes them.
    const present = await lockTriggers(tx, [...outcome.fires, ...changed]);
    const kept = changed.filter(({ triggerId }) => present.has(triggerId));
    await writeStates(tx, outcome.chainId, { changed: kept, removed });
    const fired: Waiting[] = [];
    for (const fires of chunks(outcome.fires)) {
      fired.push(...(await insertFires(tx, { fires, organizations: present, now: outcome.now })));
    }
    const retracted = await retract(tx, outcome.retractions, outcome.now);
    const waiting = fired.filter(({ id }) => !retracted.cancelled.has(id));
    const excess = await drawAllowances(tx, waiting, outcome.now);
    const unsent = new Set(excess.flatMap(({ ids }) => ids));
    const sent = waiting.map(({ id }) => id).filter((id) => !unsent.has(id));
    return { committed: true, deliveryIds: [...sent, ...retracted.deliveryIds], excess };
  });
}

/** The fence. A second matcher at the same place waits here for the first one's commit, and then finds it moved. */
async function moveCursor(tx: Executor, { chainId, from, upTo }: Outcome): Promise<boolean> {
  const moved =
    from === null
      ? await tx.insert(matcherCursors).values({ chainId, seq: upTo }).onConflictDoNothing().returning()
      : await tx
          .update(matcherCursors)
          .set({ seq: upTo })
          .where(and(eq(matcherCursors.chainId, chainId), eq(matcherCursors.seq, from)))
          .returning();
  return moved.length > 0;
}

type DeliveryRow = typeof deliveries.$inferInsert;

/** The triggers that are still there, locked against deletion, with their organizations. */
async function lockTriggers(tx: Executor, of: readonly { triggerId: string }[]): Promise<Map<string, string>> {
  const organizations = new Map<string, string>();
  for (const ids of chunks(unique(of.map(({ triggerId }) => triggerId)).sort())) {
    const present = await tx
      .select({ id: triggers.id, organizationId: triggers.organizationId })
      .from(triggers)
      .where(inArray(triggers.id, ids))
      .orderBy(asc(triggers.id))
      .for('key share');
    for (const { id, organizationId } of present) organizations.set(id, organizationId);
  }
  return organizations;
}

/**
 * Inserts matches with one delivery for each action the trigger has now, in ascending priority. Triggers are locked
 * against deletion already and actions are first (in the order in which a deletion takes them), so one that is gone
 * leaves no row and one that is going waits.
 */
async function insertFires(
  tx: Executor,
  { fires, organizations, now }: { fires: readonly Fire[]; organizations: ReadonlyMap<string, string>; now: Date },
): Promise<Waiting[]> {
  const rows = fires.flatMap((fire) => {
    const organizationId = organizations.get(fire.triggerId);
    return organizationId === undefined
      ? []
      : [{ ...fire, organizationId, id: newUuid(), kind: 'fire' as const, createdAt: now }];
  });
  const matches = await insertMatches(tx, rows);
  if (matches.length === 0) return [];
  const actions = await tx
    .select()
    .from(triggerActions)
    .where(inArray(triggerActions.triggerId, unique(matches.map((match) => match.triggerId))))
    .orderBy(asc(triggerActions.priority), asc(triggerActions.id))
    .for('key share');
  const actionsOf = Map.groupBy(actions, (action) => action.triggerId);
  const made = matches.flatMap(({ id: matchId, organizationId, triggerId }) =>
    (actionsOf.get(triggerId) ?? []).map(({ id: actionId, actionType, config }) => ({
      ...waitingDelivery(now),
      organizationId,
      triggerId,
      actionId,
      matchId,
      kind: 'fire' as const,
      actionType,
      endpoint: deliveryEndpoint(organizationId, actionType, config),
    })),
  );
  await insertDeliveries(tx, made);
  return made;
}

/** Inserts the matches that are not there yet and returns those, in the order given. */
async function insertMatches<Row extends typeof triggerMatches.$inferInsert>(
  tx: Executor,
  rows: Row[],
): Promise<Row[]> {
  if (rows.length === 0) return [];
  const inserted = await tx
    .insert(triggerMatches)
    .values(rows)
    .onConflictDoNothing()
    .returning({ id: triggerMatches.id });
  const ids = new Set(inserted.map(({ id }) => id));
  return rows.filter(({ id }) => ids.has(id));
}

async function insertDeliveries(tx: Executor, rows: DeliveryRow[]): Promise<void> {
  for (const some of chunks(rows)) await tx.insert(deliveries).values(some);
}

/** UUIDv7, so deliveries made together sort in the order of their making. */
const waitingDelivery = (now: Date) => ({
  id: newUuid(),
  status: 'pending' as const,
  nextAttemptAt: now,
  createdAt: now,
});

interface Retracted {
  cancelled: Set<string>;
  deliveryIds: string[];
}

/**
 * Takes back what fired on appearances that have ended: a delivery that has not settled gets no further attempt, and
 * one that may have reached its receiver is followed by a retraction.
 */
async function retract(tx: Executor, ended: readonly EventAppearance[], now: Date): Promise<Retracted> {
  const result: Retracted = { cancelled: new Set(), deliveryIds: [] };
  for (const some of chunks(ended)) {
    const fires = await firesOn(tx, some);
    for (const matches of chunks(fires)) {
      const told = await cancelDeliveries(tx, { matches, now, cancelled: result.cancelled });
      result.deliveryIds.push(...(await insertRetractions(tx, { matches, told, now })));
    }
  }
  return result;
}

type MatchRow = typeof triggerMatches.$inferSelect;
type Told = typeof deliveries.$inferSelect;

/** The standing fires, with their triggers locked against deletion. */
async function firesOn(tx: Executor, ended: readonly EventAppearance[]): Promise<MatchRow[]> {
  const appearances = ended.map(({ eventId, appearance }) =>
    and(eq(triggerMatches.eventId, eventId), eq(triggerMatches.appearance, appearance)),
  );
  const rows = await tx
    .select({ match: triggerMatches })
    .from(triggerMatches)
    .innerJoin(triggers, eq(triggers.id, triggerMatches.triggerId))
    .where(and(eq(triggerMatches.kind, 'fire'), or(...appearances)))
    .orderBy(asc(triggers.id), asc(triggerMatches.id))
    .for('key share', { of: triggers });
  return rows.map(({ match }) => match);
}

interface Cancellation {
  matches: readonly MatchRow[];
  now: Date;
  /** Filled with the deliveries that will not be attempted any more. */
  cancelled: Set<string>;
}

/** Cancels what has not settled. Answers the deliveries of which an attempt was at least begun. */
async function cancelDeliveries(tx: Executor, { matches, now, cancelled }: Cancellation): Promise<Told[]> {
  const ofMatches = inArray(
    deliveries.matchId,
    matches.map(({ id }) => id),
  );
  const used = tx.select({ id: deliveries.actionId }).from(deliveries).where(ofMatches);
  await tx
    .select({ id: triggerActions.id })
    .from(triggerActions)
    .where(inArray(triggerActions.id, used))
    .orderBy(asc(triggerActions.id))
    .for('key share');
  const rows = await tx.select().from(deliveries).where(ofMatches).orderBy(asc(deliveries.id)).for('no key update');
  const unsettled = rows.filter((row) => row.cancelledAt === null && isUnsettled(row));
  for (const some of chunks(unsettled)) {
    await tx
      .update(deliveries)
      .set({
        cancelledAt: now,
        status: sql`case ${deliveries.status} when 'pending' then 'cancelled' else ${deliveries.status} end`,
        completedAt: sql`case ${deliveries.status} when 'pending' then ${now.toISOString()}::timestamptz end`,
      })
      .where(
        inArray(
          deliveries.id,
          some.map(({ id }) => id),
        ),
      );
  }
  for (const { id } of unsettled) cancelled.add(id);
  return rows.filter((row) => row.attempts > 0 || row.status === 'in_flight');
}

const isUnsettled = ({ status }: Told) => status === 'pending' || status === 'in_flight';

interface Retraction {
  matches: readonly MatchRow[];
  told: readonly Told[];
  now: Date;
}

async function insertRetractions(tx: Executor, { matches, told, now }: Retraction): Promise<string[]> {
  const toldOf = Map.groupBy(told, (delivery) => delivery.matchId);
  const fires = matches.filter(({ id }) => toldOf.has(id));
  const rows = fires.map((fire) => ({
    ...fire,
    retracts: fire.id,
    id: newUuid(),
    kind: 'retraction' as const,
    createdAt: now,
  }));
  const retractions = await insertMatches(tx, rows);
  const made = retractions.flatMap(({ id: matchId, retracts }) =>
    (toldOf.get(retracts) ?? []).map(({ id, organizationId, triggerId, actionId, actionType, endpoint }) => ({
      ...waitingDelivery(now),
      organizationId,
      triggerId,
      actionId,
      matchId,
      kind: 'retraction' as const,
      retracts: id,
      actionType,
      endpoint,
    })),
  );
  await insertDeliveries(tx, made);
  return made.map(({ id }) => id);
}

const unique = (values: readonly string[]) => [...new Set(values)];

function chunks<T>(items: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let start = 0; start < items.length; start += CHUNK) parts.push(items.slice(start, start + CHUNK));
  return parts;
}
