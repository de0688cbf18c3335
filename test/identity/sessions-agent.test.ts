import { describe, expect, it } from 'vitest';
import { shownAgent } from '../../src/identity/sessions/agent.ts';

describe('the client name of a session', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64)', 'Mozilla/5.0 (X11; Linux x86_64)'],
    ['a\r\nb\u0000c\u001b[31m', 'abc[31m'],
    ['a\ud800b', 'a\ufffdb'],
    ['😀'.repeat(300), '😀'.repeat(256)],
    ['', null],
    ['\t', null],
  ])('is shown as one line that can be stored: %#', (field, shown) => {
    expect(shownAgent(field)).toBe(shown);
  });
});
