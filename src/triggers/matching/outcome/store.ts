import { and, asc, eq, inArray } from 'drizzle-orm';
import type { Database, Executor } from '../../../db/client.ts';
import { newUuid } from '../../../kernel/id.ts';
import { deliveryEndpoint } from '../../actions/kinds.ts';
import { drawAllowances, type Excess, type Waiting } from '../../deliveries/allowance-store.ts';
import { triggerActions, triggers } from '../../rules/table.ts';
import { type StateChanges, writeStates } from '../../state/store.ts';
import type { BatchResult, Fire } from '../batch.ts';
import { matcherCursors } from '../table.ts';
import { retract } from './retraction-store.ts';
import { chunks, insertDeliveries, insertMatches, waitingDelivery } from './row-store.ts';
import { inTurns } from './turns.ts';

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
 * take back. `deliveryIds` are the new deliveries that wait for their first attempt, in the order to attempt them: organizations take turns;
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
    const sent = waiting.filter(({ id }) => !unsent.has(id));
    return { committed: true, deliveryIds: inTurns([...sent, ...retracted.waiting]), excess };
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

const unique = (values: readonly string[]) => [...new Set(values)];
