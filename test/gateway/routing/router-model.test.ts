import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { CompiledEndpoint, Predicate } from '../../../src/gateway/compiled.ts';
import { readPattern } from '../../../src/gateway/routing/pattern.ts';
import { buildTree } from '../../../src/gateway/routing/tree.ts';

/** The same decision as the tree's, made by looking at every endpoint with regular expressions. */
const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

interface Rule {
  endpoint: CompiledEndpoint;
  index: number;
  expression: RegExp;
  shape: string;
  weights: number[];
}

function ruleOf(endpoint: CompiledEndpoint, index: number): Rule {
  const weights: number[] = [];
  let source = '';
  for (const segment of endpoint.path.slice(1).split('/')) {
    const texts = segment.split(/\{\w+\}/);
    if (/^\{\w+\*\}$/.test(segment)) {
      source += '(?<rest>(?:/[^/]+)*)';
      weights.push(0);
    } else if (texts.length === 1) {
      source += `/${escaped(segment)}`;
      weights.push(1_000);
    } else {
      const names = [...segment.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      source += `/${texts.map((text, place) => escaped(text) + (place < names.length ? `(?<${names[place]}>[^/]+?)` : '')).join('')}`;
      weights.push(texts.join('').length + 1);
    }
  }
  const shape = source.replaceAll(/<\w+>/g, '');
  return { endpoint, index, expression: new RegExp(`^${source}$`), shape, weights };
}

const moreSpecific = (a: Rule, b: Rule) => {
  for (const [place, weight] of a.weights.entries()) {
    const other = b.weights[place];
    if (other === undefined) return 1;
    if (weight !== other) return other - weight;
  }
  return a.weights.length - b.weights.length;
};

const order = (a: Rule, b: Rule) =>
  b.endpoint.priority - a.endpoint.priority || moreSpecific(a, b) || a.index - b.index;

interface Asked {
  path: string;
  method: string;
  version: string | null;
  field: string | null;
}

function naive(endpoints: readonly CompiledEndpoint[], { path, method, version, field }: Asked) {
  const open = endpoints
    .map(ruleOf)
    .filter(({ expression }) => expression.test(path))
    .filter(({ endpoint: { versions } }) => versions === null || (version !== null && versions.includes(version)))
    .filter(({ endpoint: { when } }) => when.every(({ test }) => 'equals' in test && test.equals === field));
  const takes = (rule: Rule) => {
    const { methods } = rule.endpoint;
    if (methods.length === 0 || methods.includes(method)) return true;
    return method === 'HEAD' && methods.includes('GET');
  };
  const names = ({ endpoint }: Rule) => endpoint.methods.includes('HEAD');
  const shadowed = (rule: Rule) =>
    method === 'HEAD' && !names(rule) && open.some((other) => other.shape === rule.shape && names(other));
  const best = open.filter((rule) => takes(rule) && !shadowed(rule)).sort(order)[0];
  const allowed = new Set(open.flatMap(({ endpoint }) => (endpoint.methods.length === 0 ? ['*'] : endpoint.methods)));
  const values = Object.entries(best?.expression.exec(path)?.groups ?? {});
  return {
    index: best?.index ?? null,
    params: values.map(([name, value]) => [name, name === 'rest' ? value.slice(1) : value]),
    allowed: [...allowed].sort(),
  };
}

const part = fc.constantFrom('a', 'b', 'ab', 'a.b', '{p}', '{p}', '{p}.b', 'a{p}', '{p}.{q}', '{p}b');

const path = fc
  .tuple(fc.array(part, { maxLength: 4 }), fc.boolean())
  .map(([parts, rest]) => [...parts, ...(rest || parts.length === 0 ? ['{rest*}'] : [])])
  .map((parts) => `/${parts.map((text, place) => text.replaceAll(/[pq]/g, (name) => `${name}${place}`)).join('/')}`);

const endpoint = fc.record({
  id: fc.constant('e'),
  methods: fc.subarray(['GET', 'HEAD', 'POST', 'OPTIONS']),
  path,
  versions: fc.option(fc.subarray(['v1', 'v2'])),
  when: fc.constantFrom<Predicate[]>([], [], [{ in: 'header', name: 'x-t', test: { equals: '1' } }]),
  priority: fc.constantFrom(0, 0, 0, 1, 2),
  policy: fc.constant({}),
});

const asked = fc.record({
  path: fc
    .array(fc.constantFrom('a', 'b', 'ab', 'a.b', 'aab', 'x.y.b', 'x', '.b'), { maxLength: 5 })
    .map((parts) => parts.map((text) => `/${text}`).join('')),
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'OPTIONS', 'PATCH'),
  version: fc.constantFrom(null, 'v1', 'v2'),
  field: fc.constantFrom(null, '1'),
});

it('The tree decides as one would who looks at every endpoint in turn.', () => {
  fc.assert(
    fc.property(
      fc.array(endpoint, { maxLength: 14 }),
      fc.array(asked, { minLength: 1, maxLength: 12 }),
      (endpoints, calls) => {
        const tree = buildTree(endpoints);
        for (const call of calls) {
          const query = {
            segments: ['shop', ...call.path.split('/').slice(1)],
            from: 1,
            method: call.method,
            version: call.version,
            host: 'gw.test',
            headers: new Headers(call.field === null ? {} : { 'x-t': call.field }),
            search: '',
          };
          const found = tree.find(query);
          const seen = {
            index: found?.index ?? null,
            params: [...(found?.params ?? [])],
            allowed: [...tree.methods(query)].sort(),
          };
          expect(seen, JSON.stringify(call)).toEqual(naive(endpoints, call));
        }
      },
    ),
    { numRuns: 3_000 },
  );
});

it('Patterns have one shape if, and only if, they fit the same paths.', () => {
  fc.assert(
    fc.property(path, path, (a, b) => {
      const [left, right] = [readPattern(a), readPattern(b)];
      if (typeof left === 'string' || typeof right === 'string') throw new Error('refused');
      const rule = (written: string) => ruleOf({ ...EMPTY, path: written }, 0).shape;
      expect(left.shape === right.shape).toBe(rule(a) === rule(b));
    }),
  );
});

const EMPTY: CompiledEndpoint = { id: 'e', methods: [], path: '/', versions: null, when: [], priority: 0, policy: {} };
