import { readSegment, readText } from './path.ts';

/**
 * The path pattern of an endpoint. A segment is text (`orders`), a parameter (`{id}`), text around parameters
 * (`{id}.json`, `{id}:cancel`, `{from}..{to}`), or, as the last one, the rest (`{rest*}`: any number of segments, none
 * included). Text is compared after decoding, so `/caf%C3%A9` and `/café` are one pattern. A slash at the end is ignored,
 * here and in requests: `/orders/` is no way around what is set for `/orders`.
 */
export interface Pattern {
  segments: readonly PatternSegment[];
  parameters: readonly string[];
  /** The same text for patterns that fit the same paths: `/orders/{}` for `/orders/{id}`. */
  shape: string;
}

export type PatternSegment =
  | { kind: 'text'; text: string }
  /** `texts` stand before, between and after `names`: one more of them. */
  | { kind: 'mixed'; texts: readonly string[]; names: readonly string[] }
  | { kind: 'parameter'; name: string }
  | { kind: 'rest'; name: string };

/** Reads a pattern, or says in a sentence what is wrong with it. */
export function readPattern(path: string): Pattern | string {
  if (!path.startsWith('/')) return 'A path begins with a slash';
  const written = path.slice(1).split('/');
  if (written.at(-1) === '') written.pop();
  const segments: PatternSegment[] = [];
  for (const [index, text] of written.entries()) {
    const segment = readPatternSegment(text);
    if (typeof segment === 'string') return segment;
    if (segment.kind === 'rest' && index < written.length - 1) return `{${segment.name}*} can only be the last segment`;
    segments.push(segment);
  }
  const parameters = segments.flatMap(namesOf);
  const twice = parameters.find((name, index) => parameters.indexOf(name) !== index);
  if (twice !== undefined) return `The parameter ${twice} is there twice`;
  return { segments, parameters, shape: `/${segments.map(shapeOf).join('/')}` };
}

function readPatternSegment(written: string): PatternSegment | string {
  const rest = REST.exec(written)?.[1];
  if (rest !== undefined) return { kind: 'rest', name: rest };
  // Of a split by a group, every second part is what the group has caught.
  const parts = written.split(PARAMETER);
  const names = parts.filter((_, index) => index % 2 === 1);
  const texts: string[] = [];
  for (const raw of parts.filter((_, index) => index % 2 === 0)) {
    if (/[{}]/.test(raw)) return `${written} is no segment: a parameter is {name}, the rest {name*}`;
    const read = names.length === 0 ? readSegment(raw) : readText(raw);
    if (typeof read === 'string') return `${written} has a part that no request can have (${read})`;
    texts.push(read.decoded);
  }
  const [text = '', ...others] = texts;
  const [name] = names;
  if (name === undefined) return text === '' ? 'A path has no empty segments' : { kind: 'text', text };
  if (texts.every((part) => part === '') && names.length === 1) return { kind: 'parameter', name };
  if (others.slice(0, -1).includes('')) return `${written} has parameters with nothing between them`;
  return { kind: 'mixed', texts, names };
}

/**
 * The values of a mixed segment's parameters, or `null` if it does not fit. Each takes as little as it can and at least one
 * character, the last one what remains: one pass, no trying again, whatever the text.
 */
export function matchMixed(texts: readonly string[], segment: string): string[] | null {
  const last = texts.length - 1;
  const head = texts[0] ?? '';
  const tail = texts[last] ?? '';
  if (!segment.startsWith(head) || !segment.endsWith(tail)) return null;
  const end = segment.length - tail.length;
  const values: string[] = [];
  let from = head.length;
  for (let index = 1; index < last; index++) {
    const text = texts[index] ?? '';
    const at = segment.indexOf(text, from + 1);
    if (at < 0) return null;
    values.push(segment.slice(from, at));
    from = at + text.length;
  }
  if (from >= end) return null;
  values.push(segment.slice(from, end));
  return values;
}

/** Negative if `a` is more specific: at the first segment where they differ, text before more text around parameters before a parameter before the rest. */
export function compareSpecificity(a: Pattern, b: Pattern): number {
  const shared = Math.min(a.segments.length, b.segments.length);
  for (let index = 0; index < shared; index++) {
    const difference = weightOf(b.segments[index]) - weightOf(a.segments[index]);
    if (difference !== 0) return difference;
  }
  // Both fit the same path only if the longer one goes on with the rest.
  return a.segments.length - b.segments.length;
}

/** More than any text around parameters has: paths are shorter. */
const TEXT_WEIGHT = 1_000_000;

const weightOf = (segment: PatternSegment | undefined) => {
  if (segment?.kind === 'text') return TEXT_WEIGHT;
  if (segment?.kind === 'mixed') return segment.texts.join('').length + 1;
  return segment?.kind === 'parameter' ? 1 : 0;
};

const namesOf = (segment: PatternSegment): readonly string[] => {
  if (segment.kind === 'text') return [];
  return segment.kind === 'mixed' ? segment.names : [segment.name];
};

const shapeOf = (segment: PatternSegment) => {
  if (segment.kind === 'text') return encodeURIComponent(segment.text);
  if (segment.kind === 'mixed') return segment.texts.map(encodeURIComponent).join('{}');
  return segment.kind === 'parameter' ? '{}' : '{*}';
};

const PARAMETER = /\{([A-Za-z_][A-Za-z0-9_-]{0,63})\}/;
const REST = /^\{([A-Za-z_][A-Za-z0-9_-]{0,63})\*\}$/;
