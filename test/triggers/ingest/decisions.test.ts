import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RpcError } from '../../../src/chain/rpc-error.ts';
import { beginSearch, learned, nextProbe } from '../../../src/triggers/ingest/ancestor.ts';
import { confirmedUpTo, finalUpTo } from '../../../src/triggers/ingest/depth.ts';
import { doubted, settled } from '../../../src/triggers/ingest/doubt.ts';
import {
  candidates,
  failed,
  newEndpointTable,
  preferring,
  rotated,
  succeeded,
} from '../../../src/triggers/ingest/endpoints.ts';
import { narrowed, widened } from '../../../src/triggers/ingest/range.ts';

describe('the search for the common ancestor', () => {
  const run = (oldest: number, differs: number, ancestor: number) => {
    let search = beginSearch(oldest, differs);
    const probes: number[] = [];
    for (let probe = nextProbe(search); probe !== undefined; probe = nextProbe(search)) {
      probes.push(probe);
      search = learned(search, probe, probe <= ancestor);
    }
    return { search, probes };
  };

  it('finds it in any window, with few probes, and never below what is stored', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.integer({ min: 1, max: 300 }), fc.nat(300), (oldest, size, depth) => {
        const differs = oldest + size;
        const ancestor = Math.max(oldest - 1, differs - 1 - depth);
        const { search, probes } = run(oldest, differs, ancestor);
        expect(search.agrees).toBe(ancestor);
        expect(search.seen).toBe(ancestor >= oldest);
        expect(probes.length).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(size + 1)) + 1);
        expect(probes.every((probe) => probe >= oldest && probe < differs)).toBe(true);
      }),
    );
  });

  it('asks once for a reorganization of one block', () => {
    expect(run(100, 165, 164)).toMatchObject({ probes: [164], search: { agrees: 164, seen: true } });
  });
});

describe('depth', () => {
  it('counts the block itself as the first confirmation', () => {
    expect(confirmedUpTo(100, 1, -1)).toBe(100);
    expect(confirmedUpTo(100, 12, -1)).toBe(89);
    expect(confirmedUpTo(100, 0, -1)).toBe(100);
  });

  it('confirms what was final when it was read, but never above the cursor', () => {
    expect(confirmedUpTo(100, 12, 100)).toBe(100);
    expect(confirmedUpTo(100, 12, 150)).toBe(100);
    expect(finalUpTo(100, 65)).toBe(35);
  });
});

describe('the range of a request', () => {
  const refusal = (suggested?: number) => new RpcError('range_too_large', 'too large', suggested);

  it('grows by half up to its limit, and stays while answers are full', () => {
    expect(widened(500, 10, 10_000)).toBe(750);
    expect(widened(1, 0, 10_000)).toBe(2);
    expect(widened(9_000, 10, 10_000)).toBe(10_000);
    expect(widened(500, 5_000, 10_000)).toBe(500);
  });

  it('halves on a refusal, or follows the proposal when that is smaller', () => {
    expect(narrowed(500, refusal())).toBe(250);
    expect(narrowed(500, refusal(100))).toBe(100);
    expect(narrowed(500, refusal(10_000))).toBe(250);
    expect(narrowed(500, new RpcError('timeout', 'late'))).toBe(250);
  });

  it('does not change for another failure, nor below one block', () => {
    expect(narrowed(500, new RpcError('retryable', 'busy'))).toBeUndefined();
    expect(narrowed(1, refusal())).toBeUndefined();
  });
});

describe('the table of endpoints', () => {
  it('keeps to the current endpoint and lists the others after it', () => {
    const table = newEndpointTable(3);
    expect(candidates(table, 0)).toEqual([0, 1, 2]);
    expect(candidates(preferring(table, 1), 0)).toEqual([1, 2, 0]);
    expect(candidates(rotated(rotated(rotated(table))), 0)).toEqual([0, 1, 2]);
  });

  it('lets a failing endpoint pause for longer each time, up to a minute, until it works', () => {
    let table = newEndpointTable(2);
    const pauses: number[] = [];
    for (let count = 0; count < 9; count++) {
      table = failed(table, 0, 0);
      pauses.push(table.states[0]?.retryAt ?? 0);
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    expect(candidates(table, 59_999)).toEqual([1]);
    expect(candidates(table, 60_000)).toEqual([0, 1]);
    expect(succeeded(table, 0).states[0]).toEqual({ failures: 0, retryAt: 0 });
  });
});

describe('a doubt about a block', () => {
  it('ends when another endpoint gives the same answer', () => {
    const doubt = doubted(undefined, '0xa', 0);
    expect(settled(doubt, '0xa', 0)).toBe(false);
    expect(settled(doubt, '0xa', 1)).toBe(true);
    expect(settled(doubt, '0xb', 1)).toBe(false);
    expect(settled(undefined, '0xa', 1)).toBe(false);
  });

  it('ends after three tries where there is no other endpoint', () => {
    let doubt = doubted(undefined, '0xa', 0);
    doubt = doubted(doubt, '0xa', 0);
    expect(settled(doubt, '0xa', 0)).toBe(false);
    doubt = doubted(doubt, '0xa', 0);
    expect(settled(doubt, '0xa', 0)).toBe(true);
  });
});
