import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Outcome } from '../../../src/gateway/breaker/outcome.ts';
import { poolOf, upstreamOf } from './fixture.ts';
import { isPicked, type Network, newNetwork } from './network.ts';

/** Several isolates, one object that is restarted now and then, a network that loses questions and answers. */

const ISOLATES = 4;
const PROBES = 2;

/** As long as a call may last, and as a probe may wait for its call: the settings of the fixture. */
const LONGEST_CALL = 3_000;

/** From then on an isolate that hears nothing helps itself. */
const LONELY = 30_000;

const step = fc.record({
  isolate: fc.integer({ min: 0, max: ISOLATES - 1 }),
  after: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 3_000 })),
  lasts: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: LONGEST_CALL - 1 })),
  fate: fc.constantFrom('answered' as const, 'answered' as const, 'lost' as const, 'unanswered' as const),
  up: fc.boolean(),
  aborted: fc.nat({ max: 9 }).map((n) => n === 0),
  restart: fc.nat({ max: 19 }).map((n) => n === 0),
});

interface Call {
  endsAt: number;
  probe: boolean;
  end(): void;
}

const isClosedFor = (network: Network, isolate: number) =>
  !network.heard.get(isolate)?.answer.standings.some(({ breaker }) => breaker !== 'closed');

it('never has more probes under way over all isolates than it may, and recovers when the upstream does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
      const network = newNetwork(poolOf([upstreamOf('a')]), ISOLATES);
      let calls: Call[] = [];
      const endCalls = () => {
        for (const call of calls.filter(({ endsAt }) => endsAt <= network.now())) call.end();
        calls = calls.filter(({ endsAt }) => endsAt > network.now());
      };

      async function call(isolate: number, lasts: number, outcome: Outcome, patient = false): Promise<boolean> {
        let picked = network.pick(isolate);
        if (patient && !isPicked(picked) && picked.recheck) {
          await picked.recheck();
          picked = network.pick(isolate);
        }
        if (isPicked(picked)) {
          const lastHeard = network.heard.get(isolate)?.at ?? network.now();
          const probe = !isClosedFor(network, isolate) && network.now() - lastHeard < LONELY;
          const { done } = picked;
          calls.push({ endsAt: network.now() + lasts, probe, end: () => done(outcome) });
          expect(calls.filter((other) => other.probe).length).toBeLessThanOrEqual(PROBES);
        }
        await network.settle();
        return isPicked(picked);
      }

      for (const { isolate, after, lasts, fate, up, aborted, restart } of steps) {
        await network.pass(after);
        endCalls();
        if (restart) network.restart();
        network.setFate(fate);
        const answered = { kind: 'answered', status: up ? 200 : 503, durationMs: lasts } as const;
        await call(isolate, lasts, aborted ? { kind: 'aborted' } : answered);
      }

      network.setFate('answered');
      for (let turn = 0; turn < 80; turn += 1) {
        await network.pass(500);
        endCalls();
        await call(turn % ISOLATES, 0, { kind: 'answered', status: 200, durationMs: 1 }, true);
      }
      expect(network.breakerOf('a')?.state).toBe('closed');
      for (let isolate = 0; isolate < ISOLATES; isolate += 1) {
        expect(await call(isolate, 0, { kind: 'answered', status: 200, durationMs: 1 }, true)).toBe(true);
      }
    }),
    { numRuns: 60 },
  );
}, 60_000);

it('never opens below the minimum of calls, whatever they were', async () => {
  const outcome = fc.constantFrom<Outcome>(
    { kind: 'failed', reason: 'timeout' },
    { kind: 'answered', status: 500, durationMs: 9_999 },
    { kind: 'answered', status: 200, durationMs: 1 },
    { kind: 'aborted' },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(outcome, { maxLength: 4 }), async (outcomes) => {
      const network = newNetwork(poolOf([upstreamOf('a')]), 2);
      for (const [index, ends] of outcomes.entries()) {
        const picked = network.pick(index % 2);
        if (isPicked(picked)) picked.done(ends);
        await network.pass(1_000);
      }
      await network.pass(1_000);
      network.pick(0);
      network.pick(1);
      await network.settle();
      expect(network.changes).toEqual([]);
      expect(isPicked(network.pick(0)) && isPicked(network.pick(1))).toBe(true);
    }),
    { numRuns: 50 },
  );
});
