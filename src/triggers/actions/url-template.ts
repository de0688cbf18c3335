import { inUrl } from '../../kernel/escape.ts';
import { type Budget, hasPlaces, render, type TemplateValues } from '../../kernel/template.ts';
import { checkUrl, type OutboundPolicy } from '../../outbound/guard.ts';
import { knownTemplate, parseTemplate } from './template.ts';

const DOT_SEGMENT = /^(?:\.|%2e){1,2}$/i;

/** `scheme://authority/path` and the rest, from the question mark on. */
function splitUrl(text: string): { segments: string[]; query: string } {
  const mark = text.indexOf('?');
  const path = mark === -1 ? text : text.slice(0, mark);
  return { segments: path.split('/'), query: mark === -1 ? '' : text.slice(mark) };
}

/**
 * What is wrong with the address of an action, or `undefined`. Templates may stand in its path and query only: where a
 * request goes is decided by whoever writes the action, never by what an event says.
 */
export function faultOfUrl(text: string, policy: OutboundPolicy): string | undefined {
  const parsed = parseTemplate(text);
  if (!parsed.ok) return parsed.fault;
  const { template } = parsed;
  if (hasPlaces(template)) {
    const [first] = template;
    if (typeof first !== 'string' || !/^https?:\/\/[^/?#\\]+[/?]/i.test(first)) {
      return 'must not have templates before its path: scheme, host and port are fixed';
    }
  }
  const sample = render(template, new Map(), () => 'x');
  if (hasPlaces(template) && splitUrl(sample).segments.some((segment) => DOT_SEGMENT.test(segment))) {
    return 'must not have "." or ".." segments beside templates';
  }
  const check = checkUrl(sample, policy);
  return check.ok ? undefined : check.reason;
}

/**
 * The address with an event's values in it, each percent-encoded. A value that would make a path segment `.` or `..`,
 * which no encoding hides from URL parsers, has its dots encoded twice.
 */
export function renderUrl(text: string, values: TemplateValues, budget: Budget): string {
  const template = knownTemplate(text);
  const rendered = render(template, values, inUrl, budget);
  if (!hasPlaces(template)) return rendered;
  const { segments, query } = splitUrl(rendered);
  const safe = segments.map((segment) => (DOT_SEGMENT.test(segment) ? segment.replaceAll('.', '%252E') : segment));
  return safe.join('/') + query;
}
