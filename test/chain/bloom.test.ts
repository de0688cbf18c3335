import fc from 'fast-check';
import { hexToBytes, keccak256 } from 'viem';
import { describe, expect, it } from 'vitest';
import { accidentChance, looksIncomplete, mayHold } from '../../src/chain/bloom.ts';

/** The Yellow Paper's filter, built the long way round, to compare with. */
function bloomOf(items: readonly `0x${string}`[]): string {
  const bytes = new Uint8Array(256);
  for (const item of items) {
    const hash = keccak256(hexToBytes(item), 'bytes');
    for (const at of [0, 2, 4]) {
      const bit = (((hash[at] ?? 0) << 8) + (hash[at + 1] ?? 0)) & 2047;
      const byte = 255 - (bit >> 3);
      bytes[byte] = (bytes[byte] ?? 0) | (1 << (bit & 7));
    }
  }
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

const hex = (bytes: number) =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map((array) => `0x${Buffer.from(array).toString('hex')}` as const);

const REGISTRY = '0x8004a818bfb912233c491871b3d84c89a494bd9e';
const ELSEWHERE = '0x8ba1f109551bd432803012645ac136ddd64dba72';
const TOPIC = keccak256('0x01');
const OTHER_TOPIC = keccak256('0x02');
const watched = { addresses: [REGISTRY], topics: [TOPIC] };

describe('the bloom of a block', () => {
  it('may hold whatever was put in', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(hex(20), hex(32)), { minLength: 1, maxLength: 50 }), (items) => {
        const bloom = bloomOf(items);
        expect(items.every((item) => mayHold(bloom, item))).toBe(true);
      }),
    );
  });

  it('of an empty block holds nothing, and by accident neither', () => {
    const empty = bloomOf([]);
    expect(mayHold(empty, REGISTRY)).toBe(false);
    expect(accidentChance(empty)).toBe(0);
    expect(accidentChance(`0x${'f'.repeat(512)}`)).toBe(1);
  });

  it('shows that a log of a watched address was left out', () => {
    const bloom = bloomOf([REGISTRY, TOPIC]);
    expect(looksIncomplete(bloom, watched, [])).toBe(true);
    expect(looksIncomplete(bloom, watched, [{ address: REGISTRY, topics: [TOPIC] }])).toBe(false);
  });

  it('shows that one of two logs of an address was left out, by the event that is missing', () => {
    const bloom = bloomOf([REGISTRY, TOPIC, OTHER_TOPIC]);
    expect(looksIncomplete(bloom, watched, [{ address: REGISTRY, topics: [OTHER_TOPIC] }])).toBe(true);
  });

  it('raises no doubt over other contracts, a full block, or a node that gives no bloom', () => {
    expect(looksIncomplete(bloomOf([ELSEWHERE, TOPIC]), watched, [])).toBe(false);
    expect(looksIncomplete(`0x${'f'.repeat(512)}`, watched, [])).toBe(false);
    expect(looksIncomplete('0x', watched, [])).toBe(false);
    expect(looksIncomplete(`0x${'0'.repeat(512)}`, watched, [])).toBe(false);
  });
});
