import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FieldMap, type HeaderFields } from '../../src/http/header-fields.ts';

const name = fc.constantFrom('accept', 'Accept', 'VARY', 'x-a', 'Set-Cookie', 'set-cookie', 'content-length');
const value = fc.constantFrom('a', 'b, c', 'k=v; Path=/', '"x"');

type Step = (fields: HeaderFields) => unknown;

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(name, value).map(
    ([key, text]): Step =>
      (fields) =>
        fields.set(key, text),
  ),
  fc.tuple(name, value).map(
    ([key, text]): Step =>
      (fields) =>
        fields.append(key, text),
  ),
  name.map(
    (key): Step =>
      (fields) =>
        fields.delete(key),
  ),
  name.map(
    (key): Step =>
      (fields) =>
        fields.get(key),
  ),
  name.map(
    (key): Step =>
      (fields) =>
        fields.has(key),
  ),
);

const sorted = (fields: Iterable<[string, string]>) => [...fields].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));

describe('header fields in plain JavaScript', () => {
  it('are what the platform makes of the same calls', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const [own, platform] = [new FieldMap(), new Headers()];
        for (const take of steps) expect(take(own)).toEqual(take(platform));
        expect(sorted(own)).toEqual([...platform]);
        const handedOver = new Headers();
        own.writeTo(handedOver);
        expect([...handedOver]).toEqual([...platform]);
        expect(sorted(new FieldMap(platform))).toEqual([...platform]);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['x-a', 'line\r\nbreak'],
    ['x-a', 'nul\0'],
    ['no name', 'a'],
  ])('are refused by the platform when they are none: %s', (key, text) => {
    expect(() => new FieldMap([[key, text]]).writeTo(new Headers())).toThrow(TypeError);
  });
});
