import { describe, expect, it } from 'vitest';
import { later, MINUTE, SECOND } from '../../../src/kernel/clock.ts';
import type { Logger } from '../../../src/telemetry/log.ts';
import type { EventFilter } from '../../../src/triggers/events/store.ts';
import {
  EventHub,
  HEARTBEAT_MS,
  LINGER_MS,
  MAX_AGE_MS,
  MAX_BEHIND,
  MAX_CATCHING_UP,
  MAX_LISTENERS,
  MAX_PER_CALLER,
  MAX_WAITING_BYTES,
} from '../../../src/triggers/events/stream/hub.ts';
import type { FeedItem } from '../../../src/triggers/events/stream/message.ts';
import type { Sink } from '../../../src/triggers/events/stream/pipe.ts';
import { formatPosition, POSITION, parsePosition } from '../../../src/triggers/events/stream/position.ts';
import type { FeedSource } from '../../../src/triggers/events/stream/source.ts';
import type { FeedOperation } from '../../../src/triggers/ingest/table.ts';

const START = new Date('2026-03-02T00:00:00Z');

interface Sketch {
  operation?: FeedOperation;
  chainId?: number;
  agentId?: string;
  /** Characters of the agent's URI, all of them this one. */
  length?: number;
  text?: string;
}

/** A feed in memory whose readings can be held back: what is read is decided when the reading begins. */
function newFeed() {
  const items: FeedItem[] = [];
  const held: (() => void)[] = [];
  const state = { holding: false, readings: 0, failing: false };
  const passing = () => (state.holding ? new Promise<void>((resolve) => held.push(resolve)) : Promise.resolve());
  const lastOf = (chainId: number) => items.findLast((item) => item.chainId === chainId)?.seq ?? 0;
  const source: FeedSource = {
    async ends(chainIds) {
      const ends = new Map(chainIds.map((chainId) => [chainId, lastOf(chainId)]));
      await passing();
      return ends;
    },
    async read(after, limit) {
      state.readings += 1;
      if (state.failing) throw new Error('the database is away');
      const pages = [...after].map(([chainId, seq]) =>
        items.filter((item) => item.chainId === chainId && item.seq > seq).slice(0, limit),
      );
      await passing();
      return pages.flat();
    },
  };
  return {
    source,
    state,
    append({ operation = 'event', chainId = 1, agentId = '7', length = 0, text = 'a' }: Sketch = {}) {
      const seq = lastOf(chainId) + 1;
      const event = {
        ...{ id: `evt_${chainId}_${seq}`, chainId, blockHash: '0xb', logIndex: 0, blockNumber: seq, blockTime: START },
        ...{ transactionHash: '0xt', registry: 'identity' as const, eventType: 'Registered', agentId },
        ...{ fields: { agent_id: agentId, to: '0x0', agent_uri: text.repeat(length) }, status: 'confirmed' as const },
      };
      items.push({ chainId, seq, operation, event });
    },
    hold: () => {
      state.holding = true;
    },
    /** Lets the readings that are held back end. */
    async release() {
      state.holding = false;
      for (const pass of held.splice(0)) pass();
      await settle();
    },
  };
}

/** Lets everything that waits for nothing outside happen. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A reader that takes everything at once, or nothing while it is stuck. */
function newReader() {
  const texts: string[] = [];
  const state = { waiting: 0, gone: false, ended: '' };
  const stuck: (() => void)[] = [];
  let isStuck = false;
  let isLeaving = false;
  const sink: Sink = {
    get waiting() {
      return state.waiting;
    },
    get gone() {
      return state.gone;
    },
    write(bytes) {
      texts.push(new TextDecoder().decode(bytes));
      state.gone ||= isLeaving;
      if (isStuck) state.waiting += bytes.byteLength;
    },
    drained: () => (isStuck ? new Promise<void>((resolve) => stuck.push(resolve)) : Promise.resolve()),
    end: () => {
      state.ended = 'end';
    },
    cut: () => {
      state.ended = 'cut';
    },
  };
  return {
    sink,
    state,
    texts,
    text: () => texts.join(''),
    /** The sequences of the messages, in the order in which they came. */
    seqs: () => [...texts.join('').matchAll(/^id: 1:(\d+).*\nevent: /gm)].map(([, seq]) => Number(seq)),
    types: () => [...texts.join('').matchAll(/^event: (\w+)$/gm)].map(([, type]) => type),
    stick: () => {
      isStuck = true;
    },
    /** Goes, which shows when something is written. */
    leave: () => {
      isLeaving = true;
    },
    loosen() {
      isStuck = false;
      state.waiting = 0;
      for (const go of stuck.splice(0)) go();
    },
  };
}

function newHub() {
  const feed = newFeed();
  const time = { now: START };
  const logged: string[] = [];
  const note = (event: string) => void logged.push(event);
  const log: Logger = { info: note, warn: note, error: note };
  const hub = new EventHub({ source: feed.source, clock: () => time.now, log, pause: settle, random: () => 0.5 });
  let joined = 0;
  async function join(resume?: string, filter: EventFilter = {}, chainIds = [1], as?: string) {
    joined += 1;
    const caller = as ?? `user:${joined}`;
    const reader = newReader();
    const resumeAt = resume === undefined ? undefined : parsePosition(resume);
    const refused = await hub.open({ caller, chainIds, filter, resumeAt }, reader.sink);
    return { ...reader, refused };
  }
  const pass = (ms: number) => {
    time.now = later(time.now, ms);
    return hub.tick();
  };
  return { feed, hub, join, pass, logged, time };
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, n) => first + n);

describe('a listener', () => {
  it('is told what comes after it has joined, and how to come back', async () => {
    const { feed, hub, join } = newHub();
    feed.append();
    const reader = await join();
    expect(reader.text()).toBe(': opened\nretry: 3500\nid: 1:1\n\n');
    feed.append();
    await hub.tick();
    expect(reader.seqs()).toEqual([2]);
    const [, data = ''] = /^data: (.*)$/m.exec(reader.text()) ?? [];
    expect(JSON.parse(data)).toMatchObject({ id: 'evt_1_2', agent_id: 7, status: 'observed' });
  });

  it('is told what it missed, and then what is new, each once and in order', async () => {
    const { feed, hub, join } = newHub();
    for (let n = 0; n < 450; n += 1) feed.append();
    await join();
    const reader = await join('1:20');
    feed.append();
    await hub.tick();
    await settle();
    feed.append();
    await hub.tick();
    expect(reader.seqs()).toEqual(upTo(452, 21));
  });

  it('misses nothing and is told nothing twice, wherever entries come while it catches up', async () => {
    for (let heldAt = 0; heldAt < 8; heldAt += 1) {
      const { feed, hub, join } = newHub();
      const watcher = await join();
      for (let n = 0; n < 500; n += 1) feed.append();
      let reader: Awaited<ReturnType<typeof join>> | undefined;
      feed.hold();
      const opening = join('1:0').then((opened) => {
        reader = opened;
      });
      for (let step = 0; step < 8; step += 1) {
        feed.append();
        if (step === heldAt) feed.hold();
        const ticking = hub.tick();
        feed.append();
        await feed.release();
        await ticking;
        if (step < heldAt) feed.hold();
      }
      await feed.release();
      await opening;
      await hub.tick();
      await settle();
      await hub.tick();
      expect(reader?.seqs()).toEqual(upTo(516));
      expect(watcher.seqs()).toEqual(upTo(516));
    }
  });

  it('that joins before the hub has read on is told only what is new to it, and keeps nothing from the others', async () => {
    const { feed, hub, join } = newHub();
    const early = await join();
    for (let n = 0; n < 3; n += 1) feed.append();
    const [late, resumed] = [await join(), await join('1:2')];
    feed.append();
    await hub.tick();
    await settle();
    expect([early.seqs(), late.seqs(), resumed.seqs()]).toEqual([upTo(4), [4], [3, 4]]);
  });

  it('catches up at the pace of its reader', async () => {
    const { feed, hub, join } = newHub();
    for (let n = 0; n < 1_000; n += 1) feed.append();
    await join();
    const reader = newReader();
    reader.stick();
    await hub.open({ caller: 'user:slow', chainIds: [1], filter: {}, resumeAt: new Map([[1, 0]]) }, reader.sink);
    await settle();
    expect([feed.state.readings, reader.seqs()]).toEqual([0, []]);
    reader.loosen();
    await settle();
    expect(reader.seqs()).toEqual(upTo(1_000));
  });

  it('is not cut off for a burst that it takes: it is given the rest piece by piece', async () => {
    const { feed, hub, join } = newHub();
    const reader = await join();
    for (let n = 0; n < 100; n += 1) feed.append({ length: 10_000 });
    await hub.tick();
    await settle();
    feed.append();
    await hub.tick();
    expect([reader.seqs(), reader.state.ended]).toEqual([upTo(101), '']);
    expect(Math.max(...reader.texts.map(({ length }) => length))).toBeLessThan(80_000);
  });

  it('is told only what it asked for, and its place moves on all the same', async () => {
    const { feed, join, pass } = newHub();
    const reader = await join(undefined, { agentId: '9', status: 'confirmed' });
    feed.append({ agentId: '9' });
    feed.append({ agentId: '8', operation: 'confirm' });
    feed.append({ agentId: '9', operation: 'confirm' });
    feed.append({ agentId: '9', operation: 'retract' });
    await pass(SECOND);
    expect([reader.types(), reader.seqs()]).toEqual([['confirm'], [3]]);
    await pass(HEARTBEAT_MS);
    expect(reader.text()).toMatch(/: still here\nid: 1:4\n\n$/);
  });

  it('follows several chains, each with a place of its own', async () => {
    const { feed, hub, join } = newHub();
    feed.append({ chainId: 2 });
    const reader = await join('1:0', {}, [1, 2]);
    feed.append({ chainId: 2 });
    feed.append({ chainId: 1 });
    await hub.tick();
    expect(reader.text()).toContain('id: 1:1,2:1\nevent: event\n');
    expect(reader.text()).toContain('id: 1:1,2:2\nevent: event\n');
    const other = await join(undefined, {}, [2]);
    feed.append({ chainId: 1 });
    await hub.tick();
    expect(other.seqs()).toEqual([]);
  });

  it('gets a sign of life when nothing happens', async () => {
    const { join, pass } = newHub();
    const reader = await join();
    await pass(HEARTBEAT_MS - 1);
    expect(reader.text()).not.toContain('still here');
    await pass(1);
    await pass(HEARTBEAT_MS - 1);
    expect(reader.text().match(/still here/g)).toHaveLength(1);
  });

  it('is cut off when it does not keep up, and finds the rest when it comes back', async () => {
    const { feed, hub, join } = newHub();
    const [slow, fast] = [await join(), await join()];
    slow.stick();
    for (let n = 0; n < 2_000 && slow.state.ended === ''; n += 1) {
      feed.append();
      await hub.tick();
    }
    expect([slow.state.ended, fast.state.ended, hub.size]).toEqual(['cut', '', 1]);
    const last = slow.seqs().at(-1) ?? 0;
    const again = await join(`1:${last}`);
    await settle();
    expect([...slow.seqs(), ...again.seqs()]).toEqual(fast.seqs());
  });

  it('is let go after a quarter of an hour, with what waits for it', async () => {
    const { hub, join, pass } = newHub();
    const reader = await join();
    await pass(MAX_AGE_MS - MINUTE);
    expect(reader.state.ended).toBe('');
    await pass(MINUTE);
    expect([reader.state.ended, hub.size]).toEqual(['end', 0]);
  });

  it('is cut off when it has not taken what waits for it a while after its end', async () => {
    const { feed, hub, join, pass } = newHub();
    const [stuck, late, quick] = [await join(), await join(), await join()];
    stuck.stick();
    late.stick();
    feed.append();
    await pass(MAX_AGE_MS - 1);
    await pass(1);
    expect([stuck.state.ended, late.state.ended, quick.state.ended, hub.idle]).toEqual(['end', 'end', 'end', false]);
    late.loosen();
    await pass(LINGER_MS - 1);
    expect([stuck.state.ended, hub.idle]).toEqual(['end', false]);
    await pass(1);
    expect([stuck.state.ended, late.state.ended, hub.idle]).toEqual(['cut', 'end', true]);
  });

  it('is forgotten when it has gone, and a chain that nobody listens to is not read', async () => {
    const { feed, hub, join } = newHub();
    const reader = await join();
    reader.state.gone = true;
    await hub.tick();
    expect([hub.size, feed.state.readings]).toEqual([0, 0]);
    feed.append();
    const next = await join();
    feed.append();
    await hub.tick();
    expect(next.seqs()).toEqual([2]);
  });
});

describe('a hub', () => {
  it('goes on when the feed cannot be read for a while, and loses nothing', async () => {
    const { feed, join, pass, logged } = newHub();
    const reader = await join();
    feed.state.failing = true;
    feed.append();
    await pass(SECOND);
    expect(logged).toEqual(['event_stream_read_failed']);
    feed.state.failing = false;
    await pass(SECOND);
    expect(reader.seqs()).toEqual([1]);
  });

  it('ends a listener that cannot catch up, so that it comes back', async () => {
    const { feed, hub, join } = newHub();
    feed.append();
    await join();
    feed.state.failing = true;
    const reader = await join('1:0');
    await settle();
    expect([reader.state.ended, hub.size]).toEqual(['end', 1]);
  });

  it.each([
    ['ASCII', 'a', 66_000],
    ['text of more bytes than characters', '\u4e00', 22_000],
  ])(
    'keeps no more than what may wait for each of many readers, however long an event of %s is',
    async (_, text, length) => {
      const { feed, hub, join } = newHub();
      const readers: ReturnType<typeof newReader>[] = [];
      for (let n = 0; n < MAX_LISTENERS; n += 1) readers.push(await join());
      for (const reader of readers.slice(1)) reader.stick();
      const waiting = () => Math.max(...readers.map(({ state }) => state.waiting));
      for (let n = 0; n < 2; n += 1) {
        feed.append({ length, text });
        await hub.tick();
        expect(waiting()).toBeLessThanOrEqual(MAX_WAITING_BYTES);
      }
      expect(hub.size).toBe(1);
      expect(readers[0]?.seqs()).toEqual([1, 2]);
    },
  );

  it('cuts whoever would be sent more at once than may wait', async () => {
    const { feed, hub, join } = newHub();
    const reader = await join();
    feed.append({ length: MAX_WAITING_BYTES + 1 });
    await hub.tick();
    expect([reader.state.ended, reader.seqs()]).toEqual(['cut', []]);
  });

  it('lets only so many catch up at once, and those who do not read keep nobody from it', async () => {
    const { feed, hub, join } = newHub();
    feed.append();
    await join();
    const readers = Array.from({ length: 3 * MAX_CATCHING_UP }, newReader);
    for (const [n, reader] of readers.entries()) {
      reader.stick();
      const request = { caller: `user:late${n}`, chainIds: [1], filter: {}, resumeAt: new Map([[1, 0]]) };
      await hub.open(request, reader.sink);
    }
    feed.hold();
    const reading = readers.slice(MAX_CATCHING_UP);
    for (const reader of reading) reader.loosen();
    await settle();
    expect(feed.state.readings).toBe(MAX_CATCHING_UP);
    await feed.release();
    expect(reading.every((reader) => reader.seqs().length === 1)).toBe(true);
    expect(feed.state.readings).toBe(2 * MAX_CATCHING_UP);
  });

  it('gives a caller so many streams at a time, also when they are asked for at once', async () => {
    const { hub, join } = newHub();
    const open = () => join(undefined, {}, [1], 'user:one');
    const opened = await Promise.all(Array.from({ length: MAX_PER_CALLER + 2 }, open));
    expect(opened.map(({ refused }) => refused ?? 'opened').sort()).toEqual([
      ...['many', 'many'],
      ...Array.from({ length: MAX_PER_CALLER }, () => 'opened'),
    ]);
    expect((await join(undefined, {}, [1], 'user:other')).refused).toBeUndefined();
    const [first] = opened;
    if (first) first.state.gone = true;
    expect([(await open()).refused, (await open()).refused]).toEqual([undefined, 'many']);
    expect(hub.size).toBe(MAX_PER_CALLER + 2);
  });

  it('finds out whether the readers of a caller are still there before it refuses another', async () => {
    const { hub, join } = newHub();
    const open = () => join(undefined, {}, [1], 'user:one');
    const [silent, leaver] = [await open(), await open(), await open(), await open(), await open()];
    silent.stick();
    expect((await open()).refused).toBe('many');
    leaver.leave();
    expect((await open()).refused).toBeUndefined();
    expect(hub.size).toBe(MAX_PER_CALLER + 1);
  });

  it('refuses whoever is too far behind, and whoever comes when it is full', async () => {
    const { feed, hub, join } = newHub();
    for (let n = 0; n <= MAX_BEHIND; n += 1) feed.append();
    expect((await join('1:0')).refused).toBe('behind');
    expect((await join('1:1')).refused).toBeUndefined();
    while (hub.size < MAX_LISTENERS) await join();
    expect((await join()).refused).toBe('full');
  });
});

describe('a position', () => {
  it('is read as it was written', () => {
    const position = new Map([
      [1, 88],
      [8453, 1207],
    ]);
    expect(formatPosition(position)).toBe('1:88,8453:1207');
    expect(parsePosition(formatPosition(position))).toEqual(position);
  });

  it.each(['', '1', '1:', ':1', '1:2,', 'a:1', '1:-1', '1:1\nid: 2', '1:1e3', `1:${'9'.repeat(16)}`])(
    'is not %j',
    (text) => {
      expect(POSITION.test(text)).toBe(false);
    },
  );
});
