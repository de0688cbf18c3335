import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asJsonValue, inHeader, inJsonString, inMarkup, inUrl } from '../../src/kernel/escape.ts';
import { hostileText } from '../triggers/actions/fixtures.ts';

describe('escaping', () => {
  it('keeps a value one JSON string', () => {
    fc.assert(
      fc.property(hostileText, (value) => {
        expect(JSON.parse(`"${inJsonString(value, 0)}"`)).toBe(value.toWellFormed());
        expect(JSON.parse(asJsonValue(value, 0))).toBe(value.toWellFormed());
      }),
    );
    expect([asJsonValue(7, 0), asJsonValue(null, 0)]).toEqual(['7', 'null']);
  });

  it('keeps a value one component of a URL', () => {
    fc.assert(
      fc.property(hostileText, (value) => {
        expect(inUrl(value, 0)).toMatch(/^(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})*$/);
        expect(decodeURIComponent(inUrl(value, 0))).toBe(value.toWellFormed());
      }),
    );
  });

  it('keeps a value one line of printable ASCII in a header', () => {
    fc.assert(
      fc.property(hostileText, (value) => {
        expect(inHeader(value, 0)).toMatch(/^[\x20-\x7e]*$/);
        expect(() => new Headers({ x: inHeader(value, 0) })).not.toThrow();
      }),
    );
    expect(inHeader('a\r\nb: c', 0)).toBe('ab: c');
  });

  it('keeps a value text in markup', () => {
    fc.assert(
      fc.property(hostileText, (value) => {
        expect(inMarkup(value, 0)).not.toMatch(/[<>"']|&(?!amp;|lt;|gt;|quot;|#39;)/);
      }),
    );
  });
});
