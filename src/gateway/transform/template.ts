import { type Escape, filtered, hasPlaces, type Place, parseTemplate, type Template } from '../../kernel/template.ts';
import type { TemplateValue } from '../../kernel/template-filters.ts';
import { type CallFacts, parameterOf, readerOf, VOCABULARY } from './names.ts';

/** The text of a template for one call. */
export type Renderer = (facts: CallFacts) => string;

/** Longer texts are cut off: a value may be as long as a caller likes, a field or an address may not. */
export const MAX_TEXT = 8 * 1024;

const none: (facts: CallFacts) => TemplateValue = () => null;

/** How one place's value is had, its filters applied. */
export function placeReader(place: Place): (facts: CallFacts) => TemplateValue {
  const read = readerOf(place.name) ?? none;
  return place.filters.length === 0 ? read : (facts) => filtered(place, read(facts));
}

/**
 * The template of a text that was checked when it was published.
 * @throws Error when it is not a template after all
 */
export function knownTemplate(text: string): Template {
  const parsed = parseTemplate(text, VOCABULARY);
  if (!parsed.ok) throw new Error(`a published template ${parsed.fault}`);
  return parsed.template;
}

/** Cut to the bound, and not inside a percent-encoded byte. */
const bounded = (text: string) =>
  text.length > MAX_TEXT ? text.slice(0, MAX_TEXT).replace(/%[0-9A-Fa-f]?$/, '') : text;

/**
 * A template as a function; one without places costs nothing. Its own text is escaped like the values, which are put in
 * once and never read again.
 */
export function compileTemplate(text: string, escapeValue: Escape): Renderer {
  const template = knownTemplate(text);
  if (!hasPlaces(template)) {
    const fixed = bounded(escapeValue(text, 0));
    return () => fixed;
  }
  const parts = template.map((part): Renderer => {
    if (typeof part === 'string') {
      const literal = escapeValue(part, 0);
      return () => literal;
    }
    const read = placeReader(part);
    return (facts) => escapeValue(read(facts), 0);
  });
  return (facts) => {
    let rendered = '';
    for (const part of parts) rendered += part(facts);
    return bounded(rendered);
  };
}

/**
 * What is wrong with the template of a definition, or nothing.
 * @param params names of the parameters there are where it stands; nothing where an endpoint is yet to say
 */
export function faultOfTemplate(text: string, params: readonly string[] | undefined): string | undefined {
  if (/\p{Cc}/u.test(text)) return 'must not have control characters';
  if (text.length > MAX_TEXT) return `must be at most ${MAX_TEXT} characters`;
  const parsed = parseTemplate(text, VOCABULARY);
  if (!parsed.ok) return parsed.fault;
  if (!params) return undefined;
  for (const part of parsed.template) {
    const parameter = typeof part === 'string' ? undefined : parameterOf(part.name);
    if (parameter !== undefined && !params.includes(parameter)) {
      return `names the parameter "${parameter}", which the path does not have`;
    }
  }
  return undefined;
}
