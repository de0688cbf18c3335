import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dataOf, seedOf } from '../../../src/gateway/sandbox/generate.ts';
import { tame } from '../../../src/gateway/sandbox/tame.ts';

const USER = {
  type: 'object',
  properties: {
    id: { type: 'integer' },
    email: { type: 'string', format: 'email' },
    role: { enum: ['reader', 'writer'] },
    born: { type: 'string', format: 'date' },
    city: { type: ['string', 'null'], examples: ['Lisbon'] },
  },
};
const LIST = { type: 'object', properties: { data: { type: 'array', items: USER } } };

interface User {
  id: number;
  email: string;
  role: string;
  city: string;
}

describe('data from a schema', () => {
  it('are as the schema says, with every member and what it gives as an example.', () => {
    const user = dataOf(USER, 7, false) as User;
    expect(Object.keys(user).sort()).toEqual(['born', 'city', 'email', 'id', 'role']);
    expect(Number.isInteger(user.id)).toBe(true);
    expect(user.email).toMatch(/^[^@\s]+@[^@\s]+$/);
    expect(['reader', 'writer']).toContain(user.role);
    expect(user.city).toBe('Lisbon');
  });

  it('have a few members in a list, which are told apart by their ids.', () => {
    const { data } = dataOf(LIST, 7, false) as { data: User[] };
    expect(data.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(new Set(data.map(({ email }) => email)).size).toBe(3);
  });

  it('are the same for the same seed, and others for another one.', () => {
    expect(dataOf(LIST, seedOf('a'), false)).toEqual(dataOf(LIST, seedOf('a'), false));
    expect(dataOf(LIST, seedOf('a'), false)).not.toEqual(dataOf(LIST, seedOf('b'), false));
  });

  it('pass over examples where they are to be made freely.', () => {
    const cities = [1, 2, 3, 4].map((seed) => (dataOf(USER, seed, true) as User).city);
    expect(new Set(cities).size).toBeGreaterThan(1);
  });

  it.each([
    ['a type that there is not', { type: 'colour' }],
    ['no choices', { enum: [] }],
    ['bounds the wrong way round', { type: 'integer', minimum: 10, maximum: 1 }],
    ['a step of nothing', { type: 'integer', multipleOf: 0 }],
    ['a pattern that is none', { type: 'string', pattern: '((' }],
    ['lengths the wrong way round', { type: 'string', minLength: 20, maxLength: 2 }],
    ['a reference', { $ref: 'https://example.com/schema' }],
    ['what is no schema', 'string'],
  ])('are made whatever the schema says: %s.', (_, schema) => {
    expect(() => JSON.stringify(dataOf(schema, 1, false))).not.toThrow();
  });

  it.each([
    ['lists in lists', nested(6, (items) => ({ type: 'array', items, minItems: 1_000_000 }), { type: 'integer' })],
    ['long texts', { type: 'array', minItems: 1e9, items: { type: 'string', minLength: 1e9 } }],
    ['repetitions in a pattern', { type: 'string', pattern: '((a{1000}){1000}){1000}' }],
    [
      'members in members',
      nested(6, (one) => ({ type: 'object', properties: Object.fromEntries(names(30).map((n) => [n, one])) }), {}),
    ],
    [
      'parts that are all made',
      nested(5, (one) => ({ allOf: names(20).map((name) => ({ type: 'object', properties: { [name]: one } })) }), {}),
    ],
  ])('stay small however the schema multiplies: %s.', (_, schema) => {
    expect(JSON.stringify(dataOf(schema, 1, false)).length).toBeLessThan(500_000);
  });

  it('have no member that changes what objects are.', () => {
    const schema = JSON.parse('{"type":"object","properties":{"__proto__":{"type":"integer"},"a":{"type":"integer"}}}');
    expect(Object.keys(dataOf(schema, 1, false) as object)).toEqual(['a']);
  });

  it('are bounded for any JSON as a schema.', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.integer(), (schema, seed) => {
        expect(JSON.stringify(dataOf(schema, seed, false)).length).toBeLessThan(500_000);
        expect(tame(schema)).toBeTypeOf('object');
      }),
      { numRuns: 300 },
    );
  });
});

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `member${index}`);
}

function nested(levels: number, around: (inner: object) => object, core: object): object {
  return levels === 0 ? core : around(nested(levels - 1, around, core));
}
