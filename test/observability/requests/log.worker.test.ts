import { env } from 'cloudflare:workers';
import { eq, sql } from 'drizzle-orm';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Executor } from '../../../src/db/client.ts';
import type { CallRecord, RecordsMessage } from '../../../src/gateway/index.ts';
import { organizations } from '../../../src/identity/organizations/table.ts';
import { DAY, later } from '../../../src/kernel/clock.ts';
import { newUuid } from '../../../src/kernel/id.ts';
import { consumeDeadRecords, consumeRecords, type QueueMessage } from '../../../src/observability/requests/consumer.ts';
import { dayAt } from '../../../src/observability/requests/days.ts';
import { expireRequestLogs, partitionRequestLogs } from '../../../src/observability/requests/job.ts';
import {
  deleteExpired,
  dropPartition,
  listPartitions,
  makePartition,
} from '../../../src/observability/requests/partition-store.ts';
import { storeRecords } from '../../../src/observability/requests/record-store.ts';
import { requestLogLosses, requestLogs } from '../../../src/observability/requests/table.ts';
import { runSchedule } from '../../../src/schedule.ts';
import { record } from '../../gateway/records/record.ts';
import { signUp } from '../../support/api.ts';
import { database } from '../../support/database.ts';

const db = database();
const { query } = db;
const NOON = new Date('2031-06-15T12:00:00Z');

const messageOf = (records: readonly Partial<CallRecord>[], lost: RecordsMessage['lost'] = []): RecordsMessage => ({
  ...{ id: newUuid(), at: NOON.getTime(), lost },
  records: records.map((fields) => record({ at: NOON.getTime(), ...fields })),
});

interface Handed extends QueueMessage {
  outcome: string | undefined;
}

function handed(body: unknown, attempts = 1): Handed {
  const message: Handed = {
    ...{ body, attempts, outcome: undefined },
    ack: () => {
      message.outcome = 'acked';
    },
    retry: (options) => {
      message.outcome = `retried after ${options?.delaySeconds}`;
    },
  };
  return message;
}

function consumer(executor: Executor = query) {
  const logged: { event: string; fields: Record<string, unknown> | undefined }[] = [];
  const log = (event: string, fields?: Record<string, unknown>) => void logged.push({ event, fields });
  return { logged, deps: { db: { query: executor }, log: { info: log, warn: log, error: log } } };
}

/** A database on whose statements something is done first. */
function doingFirst(act: (statement: number) => void): Executor {
  let statement = 0;
  return new Proxy(query, {
    get(target, name, receiver) {
      if (name !== 'execute') return Reflect.get(target, name, receiver);
      return (...args: Parameters<Executor['execute']>) => {
        statement += 1;
        act(statement);
        return target.execute(...args);
      };
    },
  });
}

async function rowsIn(partition: string): Promise<number> {
  const result = await query.execute(sql`select count(*)::int as rows from ${sql.identifier(partition)}`);
  return (result as unknown as { rows: { rows: number }[] }).rows[0]?.rows ?? -1;
}

const rowsOf = (organizationId: string) => query.$count(requestLogs, eq(requestLogs.organizationId, organizationId));

beforeEach(async () => {
  for (const partition of await listPartitions(query)) {
    if (partition !== 'request_logs_default') await dropPartition(db, partition);
  }
  await query.execute(sql`truncate request_logs, request_log_losses`);
});

describe('a batch of messages', () => {
  it('is put on record as it was told', async () => {
    const organizationId = newUuid();
    const body = messageOf([
      { organizationId, at: NOON.getTime() + 1, environment: 'test', requestBytes: 6_000_000_000 },
      { organizationId, ...{ api: null, endpointId: null, route: null, keyId: null, caller: null, cache: null } },
    ]);
    const message = handed(body);
    await consumeRecords([message], consumer().deps);
    expect(message.outcome).toBe('acked');
    const rows = await query.select().from(requestLogs).orderBy(requestLogs.position);
    expect(rows).toMatchObject([
      {
        ...{ organizationId, at: new Date(NOON.getTime() + 1), messageId: body.id, position: 0, requestId: 'r-1' },
        ...{ api: 'orders', version: 'v1', endpointId: 'list', route: '/orders', method: 'GET', status: 200 },
        ...{ error: null, cost: 1, caller: 'key', keyId: 'key_1', isTest: true, upstreamId: 'up-1', cache: 'miss' },
        ...{ attempts: 1, durationMs: 40, waitingMs: 5, upstreamMs: 30, requestBytes: 6_000_000_000 },
        ...{ responseBytes: 17, colo: 'FRA', country: 'DE' },
      },
      { position: 1, at: NOON, api: null, endpointId: null, route: null, keyId: null, caller: null, isTest: false },
    ]);
  });

  it('that arrives again, alone or beside others, and twice at once, doubles nothing', async () => {
    const organizationId = newUuid();
    const lost = [
      { organizationId, records: 7 },
      { organizationId: null, records: 2 },
    ];
    const bodies = Array.from({ length: 6 }, () => messageOf(Array(100).fill({ organizationId }), lost));
    const [first] = bodies;
    await consumeRecords([handed(first)], consumer().deps);
    const rounds = [bodies, bodies.toReversed(), bodies].map((round) => round.map((body) => handed(body)));
    await Promise.all(rounds.map((round) => consumeRecords(round, consumer().deps)));
    expect(rounds.flat().map(({ outcome }) => outcome)).toEqual(Array(18).fill('acked'));
    expect(await rowsOf(organizationId)).toBe(600);
    const losses = await query.select().from(requestLogLosses);
    expect(losses.reduce((sum, { records }) => sum + records, 0)).toBe(6 * 9);
  });

  it('comes back, later each time, when the database is away', async () => {
    const { deps, logged } = consumer(
      doingFirst(() => {
        throw Object.assign(new Error('no connection'), { code: '08006' });
      }),
    );
    const messages = [1, 2, 6, 7, 8, 100].map((attempts) => handed(messageOf([{}]), attempts));
    await consumeRecords(messages, deps);
    const delays = [5, 10, 160, 320, 600, 600];
    expect(messages.map(({ outcome }) => outcome)).toEqual(delays.map((delay) => `retried after ${delay}`));
    expect(logged).toEqual([
      { event: 'request_log.not_stored', fields: { messages: 6, error: 'Error: no connection' } },
    ]);
  });

  it('is put on record one by one when it fails otherwise, so that one message does not hold up the others', async () => {
    const organizationId = newUuid();
    const { deps } = consumer(
      doingFirst((statement) => {
        if (statement === 1 || statement === 3) throw new Error('a defect of ours');
      }),
    );
    const messages = [1, 2, 3].map(() => handed(messageOf([{ organizationId }])));
    await consumeRecords(messages, deps);
    expect(messages.map(({ outcome }) => outcome)).toEqual(['acked', 'retried after 5', 'acked']);
    expect(await rowsOf(organizationId)).toBe(2);
  });

  it.each([
    undefined,
    'text',
    {},
    { ...messageOf([{}]), id: 7 },
    messageOf([{ status: 7 }]),
    messageOf([{ at: 1e18 }]),
  ])('does without a message that is %j', async (body) => {
    const { deps, logged } = consumer();
    const [bad, good] = [handed(body), handed(messageOf([{}]))];
    await consumeRecords([bad, good], deps);
    expect([bad.outcome, good.outcome]).toEqual(['acked', 'acked']);
    expect(logged.map(({ event }) => event)).toEqual(['request_log.invalid']);
    expect(await query.$count(requestLogs)).toBe(1);
  });
});

describe('a message that came back too often', () => {
  it('is put on record by itself', async () => {
    const message = handed(messageOf([{}, {}]));
    await consumeDeadRecords([message], consumer().deps);
    expect(message.outcome).toBe('acked');
    expect(await query.$count(requestLogs)).toBe(2);
  });

  it('is tried hour by hour, and dropped in the end with a word', async () => {
    const { deps, logged } = consumer(
      doingFirst(() => {
        throw new Error('a defect of ours');
      }),
    );
    const body = messageOf([{}, {}]);
    const messages = [handed(body, 4), handed(body, 5)];
    await consumeDeadRecords(messages, deps);
    expect(messages.map(({ outcome }) => outcome)).toEqual(['retried after 3600', 'acked']);
    expect(logged).toMatchObject([{ event: 'request_log.dropped', fields: { message: body.id, records: 2 } }]);
  });
});

describe('the days of the log', () => {
  const jobAt = (now: Date) => ({ db, clock: () => now });

  it('are made ahead, so that calls on both sides of midnight find theirs', async () => {
    await partitionRequestLogs(jobAt(NOON));
    expect(await listPartitions(query)).toEqual([
      ...['request_logs_20310615', 'request_logs_20310616', 'request_logs_20310617', 'request_logs_default'],
    ]);
    const midnight = Date.UTC(2031, 5, 16);
    const [last, first] = [midnight - 1, midnight];
    await storeRecords(query, [messageOf([{ at: last }, { at: first }, { at: first + 1 }])]);
    expect(await rowsIn('request_logs_20310615')).toBe(1);
    expect(await rowsIn('request_logs_20310616')).toBe(2);
    expect(await rowsIn('request_logs_default')).toBe(0);
  });

  it('take over what came before they were made; what is too late or too early for any is kept all the same', async () => {
    const day = dayAt(NOON.getTime());
    const times = [day.from.getTime(), day.to.getTime() - 1, day.from.getTime() - 1, day.to.getTime() + 9 * DAY];
    const message = messageOf(times.map((at) => ({ at })));
    await storeRecords(query, [message]);
    expect(await rowsIn('request_logs_default')).toBe(4);
    await partitionRequestLogs(jobAt(NOON));
    expect(await rowsIn(day.partition)).toBe(2);
    expect(await rowsIn('request_logs_default')).toBe(2);
    await storeRecords(query, [message]);
    expect(await query.$count(requestLogs)).toBe(4);
  });

  it('are made once by two jobs at the same time, while calls come in', async () => {
    const organizationId = newUuid();
    const bodies = Array.from({ length: 20 }, () => messageOf(Array(20).fill({ organizationId })));
    await Promise.all([
      partitionRequestLogs(jobAt(NOON)),
      ...bodies.slice(0, 10).map((body) => storeRecords(query, [body])),
      partitionRequestLogs(jobAt(NOON)),
      ...bodies.slice(10).map((body) => storeRecords(query, [body])),
    ]);
    expect((await listPartitions(query)).length).toBe(4);
    expect(await rowsOf(organizationId)).toBe(400);
    expect(await rowsIn('request_logs_20310615')).toBe(400);
  });

  it('have the key and the indexes of the whole', async () => {
    await makePartition(db, dayAt(NOON.getTime()));
    const indexesOf = async (table: string) => {
      const result = await query.execute(sql`select count(*)::int as rows from pg_indexes where tablename = ${table}`);
      return (result as unknown as { rows: { rows: number }[] }).rows[0]?.rows;
    };
    expect(await indexesOf('request_logs')).toBe(4);
    expect(await indexesOf('request_logs_20310615')).toBe(4);
    expect(await indexesOf('request_logs_default')).toBe(4);
  });

  it('are dropped when no plan keeps them, and not a moment before', async () => {
    const oldest = dayAt(NOON.getTime());
    await makePartition(db, oldest);
    await partitionRequestLogs(jobAt(later(oldest.to, 90 * DAY - 1)));
    expect(await listPartitions(query)).toContain(oldest.partition);
    await partitionRequestLogs(jobAt(later(oldest.to, 90 * DAY)));
    expect(await listPartitions(query)).not.toContain(oldest.partition);
  });

  it('are looked after by the hourly job', async () => {
    await runSchedule('17 * * * *', env);
    expect(await listPartitions(query)).toContain(dayAt(Date.now()).partition);
  });
});

describe('what a plan no longer keeps', () => {
  const DAYS = { free: 1, starter: 7, pro: 30, enterprise: 90 } as const;
  const owners = new Map<string, string>();

  beforeAll(async () => {
    for (const plan of Object.keys(DAYS) as (keyof typeof DAYS)[]) {
      const { personalOrganizationId } = await signUp();
      await query.update(organizations).set({ plan }).where(eq(organizations.id, personalOrganizationId));
      owners.set(plan, personalOrganizationId);
    }
  });

  it.each(Object.entries(DAYS))('is deleted: %s keeps %d days', async (plan, days) => {
    const organizationId = owners.get(plan) ?? '';
    const oldest = later(NOON, -days * DAY).getTime();
    for (const at of [oldest - 1, oldest]) await makePartition(db, dayAt(at));
    const others = [...owners.values()].map((owner) => ({ organizationId: owner, at: NOON.getTime() - 1 }));
    const times = [oldest - DAY, oldest - 1, oldest, NOON.getTime() - 1];
    await storeRecords(query, [messageOf([...times.map((at) => ({ organizationId, at })), ...others])]);
    await expireRequestLogs({ db, clock: () => NOON });
    const left = await query.select().from(requestLogs).where(eq(requestLogs.organizationId, organizationId));
    expect(left.map(({ at }) => at.getTime()).sort()).toEqual([oldest, NOON.getTime() - 1, NOON.getTime() - 1].sort());
    expect(await query.$count(requestLogs)).toBe(3 + others.length - 1);
  });

  it('goes with its organization', async () => {
    const at = later(NOON, -2 * DAY).getTime();
    await makePartition(db, dayAt(at));
    const gone = newUuid();
    await storeRecords(query, [
      messageOf([
        { at, organizationId: gone },
        { at, organizationId: owners.get('pro') ?? '' },
      ]),
    ]);
    await expireRequestLogs({ db, clock: () => NOON });
    expect(await rowsOf(gone)).toBe(0);
    expect(await query.$count(requestLogs)).toBe(1);
  });

  it('is deleted in bounded pieces, by two jobs at once no more than once', async () => {
    const day = dayAt(later(NOON, -3 * DAY).getTime());
    await makePartition(db, day);
    const ofPlan = (plan: string) => ({ at: day.from.getTime(), organizationId: owners.get(plan) ?? '' });
    await storeRecords(query, [messageOf([...Array(30).fill(ofPlan('free')), ...Array(9).fill(ofPlan('pro'))])]);
    const piece = { now: NOON, daysOf: DAYS, limit: 20 };
    expect(await deleteExpired(query, day.partition, piece)).toBe(20);
    const both = await Promise.all([
      deleteExpired(query, day.partition, piece),
      deleteExpired(query, day.partition, piece),
    ]);
    expect(both[0] + both[1]).toBe(10);
    expect(await rowsIn(day.partition)).toBe(9);
  });

  it('includes old notes of losses', async () => {
    const lost = [{ organizationId: owners.get('free') ?? '', records: 1 }];
    const old = { ...messageOf([], lost), at: later(NOON, -90 * DAY).getTime() - 1 };
    const young = { ...messageOf([], lost), at: later(NOON, -90 * DAY).getTime() };
    await storeRecords(query, [old, young]);
    await expireRequestLogs({ db, clock: () => NOON });
    const left = await query.select().from(requestLogLosses);
    expect(left.map(({ messageId }) => messageId)).toEqual([young.id]);
  });
});
