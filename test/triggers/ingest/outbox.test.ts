import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeLog, registered } from './logs.ts';
import { imaginaryChain, rpcOf, startTestChain, type TestChain, Watcher } from './rig.ts';

let chain: TestChain;
let watcher: Watcher;

beforeEach(async () => {
  chain = await startTestChain();
  watcher = new Watcher({}, rpcOf(chain));
});

afterEach(() => chain.stop());

describe('the outbox', () => {
  it('waits while the database is down, and then delivers everything once and in order', async () => {
    await chain.mine(registered(1));
    watcher.feed.failures.push('down', 'down');
    await watcher.settle();
    await chain.mine(registered(2));
    await watcher.settle();
    expect(watcher.feed.feed.size).toBe(0);
    expect([watcher.ledger.outboxSize(), watcher.ledger.cursor()?.number]).toEqual([4, 2]);
    expect(watcher.memory.lastError).toBe('Error: the database is down');
    await watcher.settle();
    expect(watcher.feed.story()).toEqual(['event 1.0', 'confirm 1.0', 'event 2.0', 'confirm 2.0']);
    expect(watcher.ledger.outboxSize()).toBe(0);
  });

  it('delivers again what was written without an answer, which changes nothing', async () => {
    await chain.mine(registered(1));
    watcher.feed.failures.push('silent');
    await watcher.settle();
    await chain.reorganize(1);
    await chain.mine(registered(2));
    await watcher.settle();
    expect(watcher.feed.story()).toEqual(['event 1.0', 'confirm 1.0', 'retract 1.0', 'event 2.0', 'confirm 2.0']);
    expect([...watcher.feed.feed.keys()]).toEqual([1, 2, 3, 4, 5]);
  });

  it('survives the loss of the object’s memory between reading and delivering', async () => {
    await chain.mine(registered(1));
    watcher.feed.failures.push('down');
    await watcher.settle();
    watcher.restart();
    await watcher.settle();
    expect(watcher.feed.story()).toEqual(['event 1.0', 'confirm 1.0']);
  });

  it('stops reading while too much waits in it', async () => {
    watcher = new Watcher(
      {},
      imaginaryChain(59, () => 90),
    );
    watcher.feed.failures.push(...Array.from({ length: 20 }, () => 'down' as const));
    for (let count = 0; count < 20; count++) await watcher.tick();
    const waiting = watcher.ledger.outboxSize();
    expect(waiting).toBeGreaterThanOrEqual(10_000);
    expect(watcher.ledger.cursor()?.number).toBeLessThan(59);
    await watcher.settle();
    expect(watcher.feed.events.size).toBe(60 * 90);
    expect([...watcher.feed.feed.keys()]).toEqual(Array.from({ length: 2 * 60 * 90 }, (_, index) => index + 1));
  });

  it('wakes the matcher again when waking failed, even if nothing new was written', async () => {
    await chain.mine(registered(1));
    watcher.wakeFails = true;
    await watcher.settle();
    expect(watcher.feed.feed.size).toBe(2);
    watcher.wakeFails = false;
    watcher.restart();
    await watcher.settle();
    expect(watcher.wakes).toBe(1);
    await watcher.settle();
    expect(watcher.wakes).toBe(1);
  });
});

describe('a watcher that lost its storage', () => {
  it('goes on above the highest number in the feed, and repeats nothing', async () => {
    await chain.mine(registered(1), registered(2));
    await chain.mine(registered(3));
    await watcher.settle();
    const before = watcher.feed.story();
    watcher.forgetEverything();
    await watcher.settle();
    expect(watcher.feed.story()).toEqual(before);
    await chain.mine(registered(4));
    await watcher.settle();
    expect(watcher.feed.story().slice(before.length)).toEqual(['event 3.0', 'confirm 3.0']);
    expect([...watcher.feed.feed.keys()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('confirms, or takes back, what was only observed', async () => {
    watcher = new Watcher({ confirmations: 4 }, rpcOf(chain));
    await chain.mine(registered(1));
    await chain.mine(registered(2), registered(3));
    await watcher.settle();
    watcher.forgetEverything();
    await chain.reorganize(1);
    await chain.mineEmpty(3);
    await watcher.settle();
    expect(watcher.feed.story().slice(3)).toEqual(['retract 2.1', 'retract 2.0', 'confirm 1.0']);
    expect([...watcher.feed.events.values()].map(({ status }) => status)).toEqual(['confirmed', 'reorged', 'reorged']);
  });

  it('takes back an observed event from a range that is final by now', async () => {
    watcher = new Watcher({ confirmations: 3, finality: 3 }, rpcOf(chain));
    await chain.mine(registered(1));
    await chain.mine(registered(2));
    await watcher.settle();
    watcher.forgetEverything();
    await chain.reorganize(1);
    await chain.mineEmpty(20);
    await chain.mine(
      encodeLog('reputation', 'FeedbackRevoked', {
        agentId: 1n,
        clientAddress: `0x${'1'.repeat(40)}`,
        feedbackIndex: 1n,
      }),
    );
    await watcher.settle();
    expect(watcher.feed.story().slice(2)).toEqual(['retract 2.0', 'confirm 1.0', 'event 23.0']);
  });
});
