import { describe, expect, it } from 'vitest';
import { joinSockets } from '../../../src/gateway/websocket/join.ts';
import { AppError } from '../../../src/kernel/errors.ts';
import { collect } from '../../support/sockets.ts';

interface Options {
  readmit?: (charged: boolean) => Promise<void>;
  now?: () => number;
  maxMessageBytes?: number;
}

/** Both far ends of a joint, and how often it ended. */
function joined({ readmit = async () => undefined, now = Date.now, maxMessageBytes = 10 }: Options = {}) {
  const { 0: caller, 1: ownCaller } = new WebSocketPair();
  const { 0: upstream, 1: ownUpstream } = new WebSocketPair();
  const seen = { ends: 0, alive: 0 };
  joinSockets({
    ...{ caller: ownCaller, upstream: ownUpstream, readmit, readmitMs: 10 },
    limits: { idleMs: 60_000, maxMessageBytes },
    clock: () => new Date(now()),
    onAlive: () => {
      seen.alive += 1;
    },
    onEnd: () => {
      seen.ends += 1;
    },
  });
  return { caller: collect(caller), upstream: collect(upstream), seen };
}

const CANNOT_TELL = { code: 1013, reason: 'The credential cannot be checked at the moment' };

describe('an open socket', () => {
  it('is ended on both sides, once, when its credential is found to be no good', async () => {
    const { caller, upstream, seen } = joined({
      readmit: async () => {
        throw new AppError('unauthorized', 'no');
      },
    });
    const end = { code: 1008, reason: 'The credential or the API is no longer good for this' };
    expect(await caller.closed).toEqual(end);
    expect(await upstream.closed).toEqual(end);
    expect(seen).toEqual({ ends: 1, alive: 1 });
  });

  it('goes on when once nobody can say whether it may, and ends at the second time in a row', async () => {
    const answers = ['fails', 'is good', 'fails', 'fails'];
    const { caller } = joined({
      readmit: async () => {
        if (answers.shift() === 'fails') throw new Error('the database is away');
      },
    });
    expect(await caller.closed).toEqual(CANNOT_TELL);
    expect(answers).toEqual([]);
  });

  it('ends with 1013 when the quota is used up', async () => {
    const rateLimit = { retryAfter: 1, limit: 1, window: 1, resetAt: 0 };
    const { caller } = joined({
      readmit: async () => {
        throw new AppError('RATE_LIMITED', 'no', { rateLimit });
      },
    });
    expect(await caller.closed).toEqual({ code: 1013, reason: 'The quota is used up' });
  });

  it('is charged once for each minute in which its caller sent something', async () => {
    let ahead = 0;
    const charged: boolean[] = [];
    const { caller, upstream } = joined({
      now: () => Date.now() + ahead,
      readmit: async (is) => {
        charged.push(is);
        ahead += 30_000;
        // Whatever the upstream sends costs nothing.
        upstream.send('news');
        await caller.next();
        if (charged.length === 3) {
          caller.send('more');
          await upstream.next();
        }
        if (charged.length === 7) throw new AppError('unauthorized', 'enough');
      },
    });
    caller.send('hello');
    expect(await upstream.next()).toBe('hello');
    await caller.closed;
    expect(charged).toEqual([false, false, true, false, true, false, false]);
  });

  it('ends with 1011 for its caller when the upstream sends too much', async () => {
    const { caller, upstream } = joined();
    upstream.send('x'.repeat(11));
    expect(await caller.closed).toEqual({ code: 1011, reason: 'The upstream sent a message that is too large' });
    expect(await upstream.closed).toEqual({ code: 1009, reason: 'The message is too large' });
  });

  it('ends on both sides when more is sent one way than could be kept for a reader that does not read', async () => {
    const { caller, upstream } = joined({ maxMessageBytes: 1 << 20, now: () => 1 });
    const piece = new ArrayBuffer(1 << 20);
    for (let sent = 0; sent < 9; sent += 1) upstream.send(piece);
    const end = { code: 1008, reason: 'More than 4 MiB a second one way' };
    expect(await upstream.closed).toEqual(end);
    expect(await caller.closed).toEqual(end);
  });
});
