import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HOUR, later, MINUTE } from '../../../src/kernel/clock.ts';
import {
  type AttemptVerdict,
  afterAttempt,
  type Circuit,
  CLOSED,
  isBlank,
} from '../../../src/triggers/circuits/circuit.ts';

const NOW = new Date('2026-03-02T00:00:00Z');

const FAILURE: AttemptVerdict = { kind: 'failure', error: 'The receiver answered 500' };
const SUCCESS: AttemptVerdict = { kind: 'success' };
const NOTHING: AttemptVerdict = { kind: 'nothing' };

const following = (verdicts: readonly AttemptVerdict[], from: Circuit = CLOSED) =>
  verdicts.reduce((circuit, verdict) => afterAttempt(circuit, 'd', verdict, NOW), from);

const times = (count: number, ...verdicts: AttemptVerdict[]) => Array.from({ length: count }, () => verdicts).flat();

/** As a claim makes it when the time of an open one has come. */
const probing = (circuit: Circuit): Circuit => ({ ...circuit, state: 'half_open', probe: 'probe', retryAt: NOW });

describe('a circuit', () => {
  it('opens for a minute after ten failures in a row, and tells why', () => {
    expect(following(times(9, FAILURE))).toMatchObject({ state: 'closed', failures: 9 });
    expect(following(times(10, FAILURE))).toEqual({
      state: 'open',
      failures: 10,
      recent: '1111111111',
      openings: 1,
      openedAt: NOW,
      retryAt: later(NOW, MINUTE),
      probe: null,
      reason: '10 attempts in a row failed; the last one: The receiver answered 500',
    });
  });

  it('opens when forty of the last fifty attempts failed, though some succeeded in between', () => {
    const mostly = following(times(9, FAILURE, FAILURE, FAILURE, FAILURE, SUCCESS));
    expect(following(times(3, FAILURE), mostly)).toMatchObject({ state: 'closed', failures: 3 });
    const open = following(times(4, FAILURE), mostly);
    expect(open).toMatchObject({
      state: 'open',
      reason: '40 of the last 50 attempts failed; the last one: The receiver answered 500',
    });
  });

  it('stays closed for what is not the receiver’s, however often', () => {
    expect(following(times(200, NOTHING))).toBe(CLOSED);
    expect(following([...times(9, FAILURE), ...times(50, NOTHING)])).toMatchObject({ state: 'closed', failures: 9 });
  });

  it('has nothing to tell once fifty attempts have succeeded since the last failure', () => {
    const failed = following([FAILURE]);
    expect(isBlank(following(times(49, SUCCESS), failed))).toBe(false);
    expect(isBlank(following(times(50, SUCCESS), failed))).toBe(true);
  });

  it('closes when the one that was let out succeeds, and forgets', () => {
    expect(afterAttempt(probing(following(times(10, FAILURE))), 'probe', SUCCESS, NOW)).toBe(CLOSED);
  });

  it('waits twice as long each time the one that was let out fails, up to an hour', () => {
    let circuit = following(times(10, FAILURE));
    const waits: number[] = [];
    for (let n = 0; n < 8; n++) {
      circuit = afterAttempt(probing(circuit), 'probe', FAILURE, NOW);
      waits.push((circuit.retryAt?.getTime() ?? 0) - NOW.getTime());
    }
    expect(waits).toEqual([2, 4, 8, 16, 32, 60, 60, 60].map((minutes) => minutes * MINUTE));
    expect(circuit).toMatchObject({ openedAt: NOW, openings: 9, failures: 18 });
  });

  it('waits as long as before, or as the receiver asks, when the one that was let out says nothing', () => {
    const half = probing(following(times(10, FAILURE)));
    expect(afterAttempt(half, 'probe', NOTHING, NOW)).toMatchObject({ state: 'open', retryAt: later(NOW, MINUTE) });
    const patient = afterAttempt(half, 'probe', { kind: 'nothing', retryAfterMs: HOUR }, NOW);
    expect(patient).toMatchObject({ state: 'open', openings: 1, retryAt: later(NOW, HOUR) });
  });

  it('is not decided by attempts that began before it opened', () => {
    const open = following(times(10, FAILURE));
    for (const circuit of [open, probing(open)]) {
      expect(afterAttempt(circuit, 'late', SUCCESS, NOW)).toBe(circuit);
      expect(afterAttempt(circuit, 'late', FAILURE, NOW)).toEqual({ ...circuit, failures: 11 });
    }
  });

  it('breaks at the receiver’s word, from any state, and stays broken', () => {
    const broken = { kind: 'broken', error: 'chat not found' } as const;
    for (const circuit of [CLOSED, following(times(10, FAILURE)), probing(following(times(10, FAILURE)))]) {
      const result = afterAttempt(circuit, 'd', broken, NOW);
      expect(result).toMatchObject({ state: 'broken', reason: 'chat not found', retryAt: null });
      expect(following([SUCCESS, FAILURE, NOTHING], result)).toBe(result);
    }
  });

  it('keeps to its bounds whatever happens', () => {
    const verdict = fc.constantFrom(FAILURE, SUCCESS, NOTHING);
    fc.assert(
      fc.property(fc.array(fc.tuple(verdict, fc.boolean()), { maxLength: 200 }), (steps) => {
        let circuit: Circuit = CLOSED;
        for (const [step, isProbe] of steps) {
          if (isProbe && circuit.state === 'open') circuit = probing(circuit);
          circuit = afterAttempt(circuit, isProbe ? 'probe' : 'other', step, NOW);
          expect(circuit.recent.length).toBeLessThanOrEqual(50);
          expect(circuit.state === 'closed').toBe(circuit.retryAt === null);
          if (circuit.retryAt) expect(circuit.retryAt.getTime() - NOW.getTime()).toBeLessThanOrEqual(HOUR);
        }
      }),
    );
  });
});
