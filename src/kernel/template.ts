import type { Filter, TemplateValue } from './template-filters.ts';

/** What may stand between the braces of one kind of templates. */
export interface Vocabulary {
  /** The key of the value that a written name stands for; nothing for a name that there is not. */
  keyOf(name: string): string | undefined;
  /** Every name, for messages. */
  readonly names: readonly string[];
  readonly filters: ReadonlyMap<string, Filter>;
}

interface UsedFilter {
  readonly name: string;
  readonly argument: string | undefined;
  readonly filter: Filter;
}

/** Where a value goes: its key among the values, and what is done to it on the way. */
export interface Place {
  readonly name: string;
  readonly filters: readonly UsedFilter[];
}

/** Literal text, or the place of a value. */
type Part = string | Place;

/** A text with `{{ name | filter:argument }}` places, read once when it is written; values only go into the places found then. */
export type Template = readonly Part[];

/** Values by name; a name that is not there renders as an absent field. */
export interface TemplateValues {
  get(name: string): TemplateValue | undefined;
}

/** Text for the place a value stands in. `place` counts the template's places from 0; `null` is an absent field. */
export type Escape = (value: TemplateValue, place: number) => string;

export type ParsedTemplate = { ok: true; template: Template } | { ok: false; fault: string };

type ParsedPlace = { ok: true; place: Place } | { ok: false; fault: string };

/** Reads a template. A lone brace, or `}}` outside a place, is plain text, since JSON is full of them. */
export function parseTemplate(text: string, vocabulary: Vocabulary): ParsedTemplate {
  const parts: Part[] = [];
  let position = 0;
  for (;;) {
    const start = text.indexOf('{{', position);
    if (start === -1) break;
    const end = text.indexOf('}}', start);
    if (end === -1) return { ok: false, fault: `has a "{{" without a "}}" at character ${start + 1}` };
    const parsed = parsePlace(text.slice(start + 2, end), start, vocabulary);
    if (!parsed.ok) return parsed;
    if (start > position) parts.push(text.slice(position, start));
    parts.push(parsed.place);
    position = end + 2;
  }
  if (position < text.length) parts.push(text.slice(position));
  return { ok: true, template: parts };
}

/** `| name`, `| name:word` or `| name:"text"`; a text has no braces, so that the first `}}` always ends its place. */
const FILTER = /\|\s*(?<name>\w{1,32})\s*(?::\s*(?:"(?<double>[^"{}]*)"|'(?<single>[^'{}]*)'|(?<word>[\w.-]+)))?\s*/y;

const MAX_FILTERS = 5;

/** Reads what stands between the braces; `start` is where they begin. */
function parsePlace(written: string, start: number, vocabulary: Vocabulary): ParsedPlace {
  const [path = '', name = ''] = /^\s*([^\s|]*)\s*/.exec(written) ?? [];
  const key = vocabulary.keyOf(name);
  if (key === undefined) return { ok: false, fault: unknownName(name, start, vocabulary) };
  const filters: UsedFilter[] = [];
  const pattern = new RegExp(FILTER);
  for (pattern.lastIndex = path.length; pattern.lastIndex < written.length; ) {
    const at = start + 2 + pattern.lastIndex;
    const groups = pattern.exec(written)?.groups;
    if (!groups) return { ok: false, fault: `has something other than "| filter:argument" at character ${at + 1}` };
    const argument = groups['double'] ?? groups['single'] ?? groups['word'];
    const used = usedFilter(groups['name'] ?? '', argument, vocabulary);
    const fault = filters.length === MAX_FILTERS ? `has more than ${MAX_FILTERS} filters` : used.fault;
    if (fault !== undefined || !used.filter) return { ok: false, fault: `${fault} at character ${at + 1}` };
    filters.push(used);
  }
  return { ok: true, place: { name: key, filters } };
}

function unknownName(written: string, start: number, { names }: Vocabulary): string {
  const at = `at character ${start + 1}`;
  if (!/^[\w.-]{1,100}$/.test(written)) return `has a "{{" that no field name follows, ${at}`;
  return `names the unknown field "${written}" ${at}; known fields: ${names.join(', ')}`;
}

type CheckedFilter = (UsedFilter & { fault?: undefined }) | { filter?: undefined; fault: string };

function usedFilter(name: string, argument: string | undefined, { filters }: Vocabulary): CheckedFilter {
  const filter = filters.get(name);
  if (!filter)
    return { fault: `names the unknown filter "${name}" (known filters: ${[...filters.keys()].join(', ')})` };
  if (filter.accepts(argument)) return { name, argument, filter };
  return { fault: `has a filter "${name}", which ${filter.takes}, with another argument` };
}

export const hasPlaces = (template: Template) => template.some((part) => typeof part !== 'string');

/** Whether a value of this name is put in anywhere. */
export const usesName = (template: Template, name: string) =>
  template.some((part) => typeof part !== 'string' && part.name === name);

/** The value of a template that is nothing but one place whose last filter is `json`; nothing for any other. */
export function typedValue(template: Template, values: TemplateValues): TemplateValue | undefined {
  const [part, ...others] = template;
  if (part === undefined || typeof part === 'string' || others.length > 0) return undefined;
  return part.filters.at(-1)?.name === 'json' ? filledValue(part, values) : undefined;
}

/** How much one request may render, in characters, over all its templates together. */
export const MAX_RENDERED = 256 * 1024;

export class RenderedTooLarge extends Error {}

/** Counts down what may still be rendered. */
export interface Budget {
  left: number;
}

export const newBudget = (): Budget => ({ left: MAX_RENDERED });

/** Takes what was rendered off the budget. @throws RenderedTooLarge when it is used up */
export function spend(budget: Budget, characters: number): void {
  budget.left -= characters;
  if (budget.left < 0) throw new RenderedTooLarge(`more than ${MAX_RENDERED} characters`);
}

/** The value as the place's filters leave it. */
export const filtered = ({ filters }: Place, value: TemplateValue): TemplateValue =>
  filters.reduce((current, { filter, argument }) => filter.apply(current, argument), value);

const filledValue = (place: Place, values: TemplateValues) => filtered(place, values.get(place.name) ?? null);

/** What stands in the template's places, after their filters and before any escaping. */
export const placeValues = (template: Template, values: TemplateValues): TemplateValue[] =>
  template.flatMap((part) => (typeof part === 'string' ? [] : [filledValue(part, values)]));

/**
 * Puts each value into its place, once and escaped. What a value says is never read as a template again.
 * @throws RenderedTooLarge when the budget is used up
 */
export function render(
  template: Template,
  values: TemplateValues,
  escapeValue: Escape,
  budget: Budget = newBudget(),
): string {
  let place = 0;
  let rendered = '';
  for (const part of template) {
    const text = typeof part === 'string' ? part : escapeValue(filledValue(part, values), place++);
    spend(budget, text.length);
    rendered += text;
  }
  return rendered;
}
