import { describe, expect, it } from 'vitest';
import { redact, suggestedRange } from '../../src/chain/rpc-error.ts';

describe('a range that a refusal proposes', () => {
  it.each([
    ['Log response size exceeded. Based on your parameters, this block range should work: [0x0, 0x63]', 100],
    ['query returned more than 10000 results. Try with this block range [0x10, 0x1F].', 16],
    ['query exceeds max results 20000, retry with the range 24383075-24383096', 22],
    ['eth_getLogs is limited to a 10,000 block range', 10_000],
    ['Under the Free tier plan you can make requests with up to a 10 block range.', 10],
    ['block range is too large, max is 1k blocks', 1_000],
    ['exceed maximum block range: 5000', 5_000],
    ['eth_getLogs requests are limited to 2000', 2_000],
  ])('is found in %j', (text, range) => {
    expect(suggestedRange(text)).toBe(range);
  });

  it.each(['query timeout exceeded', 'block range too wide', 'range [0x5, 0x1]'])('is not made up from %j', (text) => {
    expect(suggestedRange(text)).toBeUndefined();
  });
});

describe('redaction', () => {
  const url = 'https://user:passw0rd@eth.example.io/v2/abcdef123456?token=qwertyuiop';

  it('takes URLs and every part of the endpoint’s own out of a text', () => {
    const text = redact(`key abcdef123456 at ${url} (eth.example.io) qwertyuiop passw0rd https://other.example/x`, url);
    for (const secret of ['abcdef123456', 'qwertyuiop', 'passw0rd', 'example.io', 'other.example']) {
      expect(text).not.toContain(secret);
    }
    expect(text).toBe('key [redacted] at [url] ([redacted]) [redacted] [redacted] [url]');
  });

  it('keeps a message short and on one line', () => {
    expect(redact(`a\nb ${'x'.repeat(500)}`, url)).toHaveLength(200);
    expect(redact('a\nb', url)).toBe('a b');
  });
});
