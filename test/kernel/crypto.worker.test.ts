import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sha256Hex } from '../../src/kernel/crypto.ts';

it('the hash of a text is the SHA-256 of its UTF-8, whatever was hashed before', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 400 }),
    fc.string({ minLength: 240, maxLength: 270 }),
    fc.constant(''),
  );
  fc.assert(
    fc.property(text, (one) => {
      expect(sha256Hex(one)).toBe(createHash('sha256').update(one, 'utf8').digest('hex'));
    }),
    { numRuns: 500 },
  );
});
