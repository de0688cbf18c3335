import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RecordsMessage } from '../../../src/gateway/index.ts';
import { createRecords, GATHER_MS, MAX_WAITING } from '../../../src/gateway/records/gatherer.ts';
import { record } from './record.ts';

const START = Date.UTC(2026, 3, 12, 10);

/** An isolate whose queue and timers the test holds. */
function isolate() {
  const sent: RecordsMessage[] = [];
  const logged: { event: string; fields: unknown }[] = [];
  const timers: { ms: number; ring(): void }[] = [];
  const tasks: Promise<unknown>[] = [];
  const log = (event: string, fields?: Record<string, unknown>) => void logged.push({ event, fields });
  let ids = 0;
  const world = {
    ...{ sent, logged, timers, tasks },
    /** What the queue does with a message. */
    take: async (_message: RecordsMessage): Promise<void> => undefined,
    async ring() {
      for (const { ring } of timers.splice(0)) ring();
      await settle();
    },
    records: createRecords({
      log: { info: log, warn: log, error: log },
      newId: () => `message-${++ids}`,
      send: async (message) => {
        await world.take(message);
        sent.push(message);
      },
      wait: (ms) => new Promise<void>((resolve) => timers.push({ ms, ring: resolve })),
      background: (task) => void tasks.push(task),
    }),
    note(count: number, fields: Parameters<typeof record>[0] = {}) {
      for (let index = 0; index < count; index += 1)
        world.records.note(record({ at: START, durationMs: 0, ...fields }));
    },
  };
  return world;
}

/** Everything that can go on without a timer has gone on after a turn of the event loop. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

const refuse = async () => {
  throw new Error('the queue is full');
};

const sizes = (messages: readonly RecordsMessage[]) => messages.map(({ records }) => records.length);
const told = (messages: readonly RecordsMessage[]) =>
  messages.flatMap(({ lost }) => lost).reduce((sum, { records }) => sum + records, 0);

describe('records of calls', () => {
  it('wait a second for others, under one timer', async () => {
    const { records, note, timers, sent, ring } = isolate();
    expect(records).toBeDefined();
    note(3);
    await settle();
    expect(timers.map(({ ms }) => ms)).toEqual([GATHER_MS]);
    expect(sent).toEqual([]);
    await ring();
    expect(sent).toMatchObject([{ id: 'message-1', at: START + GATHER_MS, lost: [] }]);
    expect(sizes(sent)).toEqual([3]);
    expect(timers).toEqual([]);
  });

  it('go at once when they are a hundred', async () => {
    const { note, sent, ring } = isolate();
    note(250);
    await settle();
    expect(sizes(sent)).toEqual([100, 100]);
    await ring();
    expect(sizes(sent)).toEqual([100, 100, 50]);
  });

  it('are sent again as they were when the queue refused them', async () => {
    const world = isolate();
    world.take = refuse;
    world.note(2);
    await world.ring();
    expect(world.sent).toEqual([]);
    expect(world.logged).toEqual([{ event: 'request_log.not_sent', fields: { error: 'Error: the queue is full' } }]);
    world.take = async () => undefined;
    world.note(1, { at: START + 5_000 });
    await world.ring();
    expect(world.sent.map(({ id }) => id).sort()).toEqual(['message-1', 'message-2']);
    expect(sizes(world.sent).sort()).toEqual([1, 2]);
  });

  it('are counted, by organization, once the isolate holds as many as it may', async () => {
    const world = isolate();
    world.take = refuse;
    world.note(MAX_WAITING);
    world.note(3, { organizationId: 'a' });
    world.note(2, { organizationId: 'b' });
    await world.ring();
    world.take = async () => undefined;
    world.note(1, { at: START + 5_000 });
    await world.ring();
    const lost = world.sent.flatMap((message) => message.lost);
    expect(lost).toEqual(
      [
        { organizationId: 'a', records: 3 },
        { organizationId: 'b', records: 2 },
        { organizationId: record().organizationId, records: 1 },
      ].slice(0, lost.length),
    );
    world.note(1, { at: START + 10_000 });
    await world.ring();
    const kept = sizes(world.sent).reduce((sum, size) => sum + size, 0);
    expect(kept + told(world.sent)).toBe(MAX_WAITING + 7);
    expect(world.logged.filter(({ event }) => event === 'request_log.lost')).not.toEqual([]);
  });

  it('of many organizations are counted together beyond a hundred', async () => {
    const world = isolate();
    world.take = refuse;
    world.note(MAX_WAITING);
    for (let index = 0; index < 130; index += 1) world.note(1, { organizationId: `o-${index}` });
    world.take = async () => undefined;
    await world.ring();
    const [lost = []] = world.sent.map((message) => message.lost).filter((entries) => entries.length > 0);
    expect(lost).toHaveLength(101);
    expect(lost.at(-1)).toEqual({ organizationId: null, records: 30 });
  });

  it('do not wait for a timer that ended with its request', async () => {
    const world = isolate();
    world.note(1);
    world.timers.splice(0);
    world.note(1, { at: START + 29_000 });
    expect(world.timers).toHaveLength(0);
    world.note(1, { at: START + 30_000 });
    await world.ring();
    expect(sizes(world.sent)).toEqual([3]);
  });

  it('on their way in a request that was ended are sent again under the same id', async () => {
    const world = isolate();
    world.take = () => new Promise(() => undefined);
    world.note(1);
    await world.ring();
    world.take = async () => undefined;
    world.note(1, { at: START + 40_000 });
    await world.ring();
    expect(world.sent.map(({ id }) => id).sort()).toEqual(['message-1', 'message-2']);
  });

  it('say where the isolate runs, which is asked of its first request', () => {
    const at = (colo: unknown) => Object.assign(new Request('https://weir.test/'), { cf: { colo } });
    const { records } = isolate();
    expect([records.coloOf(at('FRA')), records.coloOf(at('CDG'))]).toEqual(['FRA', 'FRA']);
    expect(isolate().records.coloOf(at('nowhere'))).toBeNull();
  });

  it('are neither lost nor doubled without being told, whatever the queue does', async () => {
    const step = fc.record({ notes: fc.nat(700), refuses: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const world = isolate();
        let noted = 0;
        let now = START;
        for (const { notes, refuses } of [...steps, { notes: 1, refuses: false }, { notes: 1, refuses: false }]) {
          now += 2_000;
          world.take = refuses ? refuse : async () => undefined;
          world.note(notes, { at: now });
          noted += notes;
          await settle();
          await world.ring();
        }
        await world.ring();
        const kept = sizes(world.sent).reduce((sum, size) => sum + size, 0);
        expect(new Set(world.sent.map(({ id }) => id)).size).toBe(world.sent.length);
        expect(kept + told(world.sent)).toBe(noted);
        expect(Math.max(0, ...sizes(world.sent))).toBeLessThanOrEqual(100);
      }),
      { numRuns: 50 },
    );
  });
});
