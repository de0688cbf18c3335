import fc from 'fast-check';
import { expect, it } from 'vitest';
import { REGISTRIES as STUBS } from '../../../scripts/stack/registries.ts';
import { eventIdOf } from '../../../src/triggers/ingest/drain.ts';
import { registered } from './logs.ts';
import { rpcOf, startTestChain, type TestChain, Watcher } from './rig.ts';

type Step =
  | { kind: 'mine'; logs: number }
  | { kind: 'empty'; blocks: number }
  | { kind: 'reorganize'; depth: number }
  | { kind: 'tick' | 'restart' | 'forget' | 'down' | 'silent' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('mine' as const), logs: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('empty' as const), blocks: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('reorganize' as const), depth: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 8, arbitrary: fc.constant({ kind: 'tick' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'restart' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'forget' as const }) },
  { weight: 2, arbitrary: fc.constantFrom({ kind: 'down' as const }, { kind: 'silent' as const }) },
);

async function run(chain: TestChain, watcher: Watcher, taken: Step, agent: () => number): Promise<void> {
  switch (taken.kind) {
    case 'mine':
      return chain.mine(...Array.from({ length: taken.logs }, () => registered(agent())));
    case 'empty':
      return chain.mineEmpty(taken.blocks);
    case 'reorganize': {
      const { number } = await rpcOf(chain).head();
      const depth = Math.min(taken.depth, number);
      return depth > 0 ? chain.reorganize(depth) : undefined;
    }
    case 'tick':
      await watcher.tick();
      return;
    case 'restart':
      return watcher.restart();
    case 'forget':
      return watcher.forgetEverything();
    default:
      watcher.feed.failures.push(taken.kind);
  }
}

/** Walks over the feed as its reader does, and fails where an entry does not follow from the ones before. */
function replay(watcher: Watcher): Map<string, 'event' | 'confirm'> {
  const standing = new Map<string, 'event' | 'confirm'>();
  let last = 0;
  for (const { seq, operation, eventId } of watcher.feed.feed.values()) {
    expect(seq).toBeGreaterThan(last);
    last = seq;
    const before = standing.get(eventId);
    if (operation === 'event') expect(before).toBeUndefined();
    if (operation === 'confirm') expect(before).toBe('event');
    if (operation === 'retract') expect(before).toBeDefined();
    if (operation === 'retract') standing.delete(eventId);
    else standing.set(eventId, operation);
  }
  return standing;
}

it('ends with exactly the chain’s events, whatever was reorganized, lost or broken on the way', async () => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
    const chain = await startTestChain();
    try {
      const watcher = new Watcher({ confirmations: 3, finality: 30 }, rpcOf(chain));
      let agents = 0;
      for (const taken of steps) {
        await run(chain, watcher, taken, () => agents++);
      }
      watcher.feed.failures.splice(0);
      await watcher.settle();
      await watcher.settle();
      const standing = replay(watcher);
      const head = await rpcOf(chain).head();
      const logs = await rpcOf(chain).logsInRange(0, head.number, [STUBS.identity.toLowerCase()]);
      const ids = await Promise.all(logs.map((log) => eventIdOf(31_337, log)));
      expect([...standing.keys()].sort()).toEqual([...ids].sort());
      for (const [index, log] of logs.entries()) {
        const id = ids[index] ?? '';
        const deep = log.blockNumber <= head.number - 2;
        expect(standing.get(id)).toBe(deep ? 'confirm' : 'event');
        expect(watcher.feed.events.get(id)?.status).toBe(deep ? 'confirmed' : 'observed');
      }
      const reorged = [...watcher.feed.events.values()].filter(({ id }) => !standing.has(id));
      for (const event of reorged) expect(event.status).toBe('reorged');
    } finally {
      await chain.stop();
    }
  });
  await fc.assert(property, { numRuns: Number(process.env['CHAOS_RUNS'] ?? 25) });
}, 120_000);
