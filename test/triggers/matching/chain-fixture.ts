import { eq, sql } from 'drizzle-orm';
import { expect, vi } from 'vitest';
import type { Registry } from '../../../src/chain/events.ts';
import { organizations } from '../../../src/identity/organizations/table.ts';
import { newUuid } from '../../../src/kernel/id.ts';
import type { ActionType } from '../../../src/triggers/actions/kinds.ts';
import { deliveries } from '../../../src/triggers/deliveries/table.ts';
import { chainEvents, chainFeed, type FeedOperation } from '../../../src/triggers/ingest/table.ts';
import { ChainMatcher, type MatcherBounds } from '../../../src/triggers/matching/matcher.ts';
import { matcherCursors, triggerMatches } from '../../../src/triggers/matching/table.ts';
import { triggerActions, triggerChanges, triggerConditions, triggers } from '../../../src/triggers/rules/table.ts';
import { database } from '../../support/database.ts';

const CREATED = new Date('2026-03-01T00:00:00Z');
export const NOW = new Date('2026-03-02T00:00:00Z');
export const BLOCK_TIME = new Date('2026-03-01T12:00:00Z');

let chains = 900_000;
let organization: Promise<string> | undefined;

export async function makeOrganization(): Promise<string> {
  const id = newUuid();
  await database()
    .query.insert(organizations)
    .values({ id, name: 'Test', slug: id, createdAt: CREATED, updatedAt: CREATED });
  return id;
}

interface TriggerSketch {
  /** `[field, operator, value]`, or with its type and config; without any, the trigger matches all. */
  conditions?: ([string, string, string] | [string, string, string, string, Record<string, unknown>])[];
  registry?: Registry;
  chainId?: number | null;
  enabled?: boolean;
  confirmations?: number | null;
  createdAt?: Date;
  /** Whose it is; one organization's that tests share by default. */
  of?: string;
  /** Priorities of the trigger's actions, in the order of their creation; one action by default. */
  actions?: number[];
}

interface EventSketch {
  agentId?: string;
  score?: string;
  blockTime?: Date;
}

/** A chain that no other test knows, with a feed and triggers of its own. */
export function newChain() {
  chains += 1;
  const chainId = chains;
  let seq = 0;
  const known = new Set<string>();

  const eventId = (name: string) => `${chainId}-${name}`;

  async function record(name: string, { agentId = '7', score = '87', blockTime = BLOCK_TIME }: EventSketch = {}) {
    if (known.has(name)) return;
    known.add(name);
    const hash = `0x${(chainId * 1000 + known.size).toString(16).padStart(64, '0')}`;
    await database()
      .query.insert(chainEvents)
      .values({
        id: eventId(name),
        chainId,
        blockHash: hash,
        logIndex: 0,
        blockNumber: 100 + known.size,
        blockTime,
        transactionHash: hash,
        registry: 'reputation',
        address: `0x${'00'.repeat(20)}`,
        eventType: 'NewFeedback',
        agentId,
        fields: { agent_id: agentId, score, tag1: 'starred' },
        topics: [],
        data: '0x',
        status: 'observed',
        recordedAt: BLOCK_TIME,
      });
  }

  /** Appends to the feed, recording events that are new. */
  async function feed(operation: FeedOperation, name: string, event?: EventSketch) {
    await record(name, event);
    seq += 1;
    await database()
      .query.insert(chainFeed)
      .values({ chainId, seq, operation, eventId: eventId(name), recordedAt: BLOCK_TIME });
  }

  /** Inserts a trigger with its conditions and actions, and notes the change unless told not to. */
  async function addTrigger(
    { conditions = [], actions = [0], of, ...sketch }: TriggerSketch = {},
    options = { note: true },
  ) {
    organization ??= makeOrganization();
    const organizationId = of ?? (await organization);
    const id = newUuid();
    await database().transaction(async (tx) => {
      await tx.insert(triggers).values({
        id,
        organizationId,
        userId: organizationId,
        name: 'Test',
        chainId,
        registry: 'reputation',
        enabled: true,
        isStateful: false,
        matchAll: conditions.length === 0,
        confirmations: null,
        createdAt: CREATED,
        updatedAt: CREATED,
        ...sketch,
      });
      for (const [field, operator, value, conditionType = 'field', config = null] of conditions) {
        const row = {
          organizationId,
          triggerId: id,
          conditionType,
          field,
          operator,
          value,
          config,
          createdAt: CREATED,
        };
        await tx.insert(triggerConditions).values(row);
      }
      for (const priority of actions) {
        const actionType: ActionType = 'rest';
        const config = { method: 'POST', url: `https://hooks.example/${priority}` };
        const row = {
          organizationId,
          triggerId: id,
          actionType,
          priority,
          config,
          sealedSigningSecret: 'x',
          createdAt: CREATED,
        };
        await tx.insert(triggerActions).values(row);
      }
      if (options.note) await tx.insert(triggerChanges).values({ triggerId: id, changedAt: CREATED });
    });
    return id;
  }

  /** Records many events without a place in the feed. */
  const manyEvents = (names: readonly string[]) => sql`
    insert into chain_events (id, chain_id, block_hash, log_index, block_number, block_time, transaction_hash, registry, address,
      event_type, agent_id, fields, topics, data, status, recorded_at)
    select ${`${chainId}-`} || name, ${chainId}, ${`many-${chainId}`}, place, 1, ${BLOCK_TIME.toISOString()}::timestamptz, '0x', 'reputation', '0x',
      'NewFeedback', '7', '{"agent_id":"7"}', '[]', '0x', 'observed', ${BLOCK_TIME.toISOString()}::timestamptz
    from unnest(${sql.param([...names])}::text[]) with ordinality as many (name, place)`;

  /** Matches as `trigger event appearance kind`, in the order of their making; `trigger` is its place in `order`. */
  async function matches(order: readonly string[]) {
    const rows = await database()
      .query.select({ match: triggerMatches })
      .from(triggerMatches)
      .innerJoin(chainEvents, eq(chainEvents.id, triggerMatches.eventId))
      .where(eq(chainEvents.chainId, chainId))
      .orderBy(triggerMatches.id);
    return rows.map(({ match }) => {
      const event = match.eventId.slice(`${chainId}-`.length);
      return `${order.indexOf(match.triggerId)} ${event} ${match.appearance} ${match.kind}`;
    });
  }

  const deliveriesOf = (triggerId: string) =>
    database().query.select().from(deliveries).where(eq(deliveries.triggerId, triggerId)).orderBy(deliveries.id);

  const cursor = async () =>
    (await database().query.select().from(matcherCursors).where(eq(matcherCursors.chainId, chainId)))[0]?.seq;

  return { chainId, eventId, manyEvents, feed, addTrigger, matches, deliveriesOf, cursor };
}

/** A matcher whose announcements and log lines can be read; `step` may be repeated to the feed's end with `drain`. */
export function newMatcher(chainId: number, bounds: Partial<MatcherBounds> = {}) {
  const enqueued: string[] = [];
  const logged: { event: string; fields: Record<string, unknown> | undefined }[] = [];
  const time = { now: NOW };
  const log = (event: string, fields?: Record<string, unknown>) => void logged.push({ event, fields });
  const matcher = new ChainMatcher(
    chainId,
    {
      db: database,
      clock: () => time.now,
      log: { info: log, warn: log, error: log },
      enqueue: async (ids) => void enqueued.push(...ids),
      wakeSweeper: async () => {},
    },
    { entries: 200, fires: 2_000, memories: 2_000, work: 100_000_000, triggers: 500, due: 1_000, ...bounds },
  );
  async function drain() {
    while (await matcher.step());
  }
  return { matcher, drain, enqueued, logged, time };
}

/** Notes that a trigger is no longer what matchers know, as the rules' own store does. */
export const noteChange = (triggerId: string) =>
  database().query.insert(triggerChanges).values({ triggerId, changedAt: NOW });

/** Holds a transaction open: `begin` resolves when `work` is done inside it, `commit` lets it end. */
export async function openTransaction(work: Parameters<ReturnType<typeof database>['transaction']>[0]) {
  let commit = () => {};
  const gate = new Promise<void>((resolve) => {
    commit = resolve;
  });
  let ended: Promise<unknown> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    ended = database().transaction(async (tx) => {
      await work(tx);
      resolve();
      await gate;
    });
    ended.catch(reject);
  });
  return {
    commit: async () => {
      commit();
      await ended;
    },
  };
}

/** Resolves once a statement waits for a lock that another transaction holds. */
export const untilBlocked = () =>
  vi.waitFor(async () => {
    const waiting = sql<number>`(select count(*)::int from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock')`;
    const [row] = await database().query.select({ waiting }).from(sql`(select) now`);
    expect(row?.waiting).toBeGreaterThan(0);
  }, 10_000);

/** Makes every insert into the table fail until `repair`. */
export async function breakInserts(table: 'deliveries' | 'trigger_matches') {
  const run = (statement: string) => database().query.execute(sql.raw(statement));
  await run(
    `create or replace function refuse() returns trigger as 'begin raise exception ''broken''; end' language plpgsql`,
  );
  await run(`create trigger broken before insert on ${table} execute function refuse()`);
  return { repair: () => run(`drop trigger broken on ${table}`) };
}
