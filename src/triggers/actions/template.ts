import { EVENT_FIELDS, FIELD_ALIASES } from '../../chain/events.ts';

/** What may stand in `{{ }}` besides the fields of events. */
const DELIVERY_NAMES: readonly string[] = ['event_id', 'trigger_id', 'trigger_name', 'delivery_id'];

const NAMES: ReadonlyMap<string, string> = new Map([
  ...[...Object.keys(EVENT_FIELDS), ...DELIVERY_NAMES].map((name) => [name, name] as const),
  ...Object.entries(FIELD_ALIASES),
]);

/** Literal text, or the name of a value. */
type Part = string | { readonly name: string };

/** A text with `{{ name }}` places, read once when it is written; values are only ever put into the places found then. */
export type Template = readonly Part[];

export type TemplateValue = string | number | null;

/** Values by name; a name that is not there renders as an absent field. */
export type TemplateValues = ReadonlyMap<string, TemplateValue>;

/** Text for the place a value stands in. `place` counts the template's places from 0; `null` is an absent field. */
export type Escape = (value: TemplateValue, place: number) => string;

export type ParsedTemplate = { ok: true; template: Template } | { ok: false; fault: string };

/** Reads a template. A lone brace, or `}}` outside a place, is plain text, since JSON is full of them. */
export function parseTemplate(text: string): ParsedTemplate {
  const parts: Part[] = [];
  let position = 0;
  for (;;) {
    const start = text.indexOf('{{', position);
    if (start === -1) break;
    const end = text.indexOf('}}', start);
    if (end === -1) return { ok: false, fault: `has a "{{" without a "}}" at character ${start + 1}` };
    const written = text.slice(start + 2, end).trim();
    const name = NAMES.get(written);
    if (name === undefined) return { ok: false, fault: unknownName(written, start) };
    if (start > position) parts.push(text.slice(position, start));
    parts.push({ name });
    position = end + 2;
  }
  if (position < text.length) parts.push(text.slice(position));
  return { ok: true, template: parts };
}

function unknownName(written: string, start: number): string {
  const at = `at character ${start + 1}`;
  if (!/^\w{1,64}$/.test(written)) return `has a "{{" that no field name follows, ${at}`;
  return `names the unknown field "${written}" ${at}; known fields: ${[...NAMES.keys()].join(', ')}`;
}

/**
 * The template of a text that was checked when it was written.
 * @throws Error when it is not a template after all
 */
export function knownTemplate(text: string): Template {
  const parsed = parseTemplate(text);
  if (!parsed.ok) throw new Error(`a stored template ${parsed.fault}`);
  return parsed.template;
}

export const hasPlaces = (template: Template) => template.some((part) => typeof part !== 'string');

/** How much one request may render, in characters, over all its templates together. */
export const MAX_RENDERED = 256 * 1024;

export class RenderedTooLarge extends Error {}

/** Counts down what may still be rendered. */
export interface Budget {
  left: number;
}

export const newBudget = (): Budget => ({ left: MAX_RENDERED });

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
    const text = typeof part === 'string' ? part : escapeValue(values.get(part.name) ?? null, place++);
    budget.left -= text.length;
    if (budget.left < 0) throw new RenderedTooLarge(`more than ${MAX_RENDERED} characters`);
    rendered += text;
  }
  return rendered;
}
