import { inUrl } from '../../kernel/escape.ts';
import type { Template } from '../../kernel/template.ts';
import { type CallFacts, parameterOf } from './names.ts';
import { knownTemplate, MAX_TEXT, placeReader } from './template.ts';

/** The path below the upstream's base, from its slash on, or nothing when the call's values do not make one. */
export type RewritePath = (facts: CallFacts) => string | undefined;

const DOT_SEGMENT = /^(?:\.|%2e){1,2}$/i;

/** Literal text of a path: what stands in a URL's path as it is, and percent-encoded bytes. */
const PATH_TEXT = /^(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*$/;

/** Sequences that an upstream may read as a slash, a backslash or the end of the text. */
const DISGUISED = /%(?:2f|5c|00)/i;

const literalOf = (template: Template) => template.map((part) => (typeof part === 'string' ? part : 'x')).join('');

/** What is wrong with the literal part of a path's template, or nothing; the template itself was read without fault. */
export function faultOfPath(text: string): string | undefined {
  const template = knownTemplate(text);
  const literal = literalOf(template);
  if (!text.startsWith('/')) return 'must begin with a slash';
  const hasWhole = template.some((part) => typeof part !== 'string' && part.name === 'request.path');
  if (hasWhole) return 'fills one segment by each name: take a parameter that takes the rest, such as {rest*}';
  if (!PATH_TEXT.test(literal)) return 'may only have what a path may have; anything else percent-encoded';
  if (DISGUISED.test(literal)) return 'must not have an encoded slash, backslash or NUL';
  const segments = literal.split('/').slice(1);
  if (segments.some((segment) => DOT_SEGMENT.test(segment))) return 'must not have "." or ".." segments';
  return segments.slice(0, -1).includes('') ? 'must not have empty segments' : undefined;
}

/**
 * A path's template as a function. Values stay inside the segment they stand in; only those of `rest` may be several
 * segments, each for itself. A value that is missing, or that would make a segment empty, `.` or `..`, makes no path:
 * such a call would reach something else than the definition names.
 * @param rest names of the endpoint's parameters that take any number of segments
 */
export function compilePath(text: string, rest: readonly string[]): RewritePath {
  const template = knownTemplate(text);
  const parts = template.map((part): ((facts: CallFacts) => string | undefined) => {
    if (typeof part === 'string') return () => part;
    const read = placeReader(part);
    const several = rest.includes(parameterOf(part.name) ?? '');
    return (facts) => {
      const value = String(read(facts) ?? '');
      if (several)
        return value
          .split('/')
          .map((segment) => inUrl(segment, 0))
          .join('/');
      return value === '' ? undefined : inUrl(value, 0);
    };
  });
  return (facts) => {
    let path = '';
    for (const part of parts) {
      const piece = part(facts);
      if (piece === undefined) return undefined;
      path += piece;
    }
    const segments = path.split('/');
    const unsafe =
      path.length > MAX_TEXT || DISGUISED.test(path) || segments.some((segment) => DOT_SEGMENT.test(segment));
    return unsafe || segments.slice(1, -1).includes('') ? undefined : path;
  };
}
