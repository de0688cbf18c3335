import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256HexOfAscii } from '../../src/kernel/sha256.ts';

describe('SHA-256 of a short text', () => {
  test.each([
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    [
      'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    ],
  ])('is that of the standard for "%s"', (text, hex) => {
    expect(sha256HexOfAscii(text)).toBe(hex);
  });

  test('is that of another implementation at every length across four blocks', () => {
    for (let length = 0; length <= 256; length++) {
      const text = Array.from({ length }, (_, at) => String.fromCharCode((at * 37 + length) % 128)).join('');
      expect(sha256HexOfAscii(text)).toBe(createHash('sha256').update(text).digest('hex'));
    }
  });

  test('is that of another implementation for any text', () => {
    const ascii = fc.string({ unit: 'binary-ascii', maxLength: 300 });
    void fc.assert(
      fc.property(ascii, (text) => {
        expect(sha256HexOfAscii(text)).toBe(createHash('sha256').update(text).digest('hex'));
      }),
      { numRuns: 2_000 },
    );
  });

  test('is refused for a text that is not ASCII', () => {
    expect(() => sha256HexOfAscii('kéy')).toThrow(new RangeError('not an ASCII text'));
  });
});
