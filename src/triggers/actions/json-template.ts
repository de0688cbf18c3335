import * as z from 'zod';
import type { ErrorDetail } from '../../kernel/errors.ts';
import { asJsonValue, asText, inJsonString } from '../../kernel/escape.ts';
import { type Budget, render, spend, type Template, type TemplateValues, typedValue } from '../../kernel/template.ts';
import { knownTemplate, parseTemplate } from './template.ts';

export type Json = z.core.util.JSONType;

const json = z.json();

/** Faults of the templates among the strings of a JSON value; keys are literal. */
export function faultsOfJson(value: Json, path: string): ErrorDetail[] {
  if (typeof value === 'string') {
    const parsed = parseTemplate(value);
    return parsed.ok ? [] : [{ path, message: parsed.fault }];
  }
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, item]) => faultsOfJson(item, `${path}.${key}`));
}

/**
 * The value with its strings rendered. A string stays one string, whatever is put into it; only one that is a single
 * place whose last filter is `json` becomes that value with its type: `"{{ score | number | json }}"` a number,
 * `"{{ event | json }}"` an object, and an absent field `null`.
 */
export function renderJson(value: Json, values: TemplateValues, budget: Budget): Json {
  if (typeof value === 'string') {
    const template = knownTemplate(value);
    const typed = typedValue(template, values);
    if (typed === undefined) return render(template, values, asText, budget);
    const text = asJsonValue(typed, 0);
    spend(budget, text.length);
    return json.parse(JSON.parse(text));
  }
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item) => renderJson(item, values, budget));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, renderJson(item, values, budget)]));
}

/** The templates among the strings of a JSON value that was checked when it was written. */
export function templatesIn(value: Json): Template[] {
  if (typeof value === 'string') return [knownTemplate(value)];
  return value === null || typeof value !== 'object' ? [] : Object.values(value).flatMap(templatesIn);
}

/** For each place of a template of JSON text, whether it stands inside a string literal. */
function placesInStrings(template: Template): boolean[] {
  const places: boolean[] = [];
  let inString = false;
  for (const part of template) {
    if (typeof part !== 'string') places.push(inString);
    else for (const [token] of part.matchAll(/\\.|"/gs)) if (token === '"') inString = !inString;
  }
  return places;
}

/**
 * Whether a template is JSON text once its places are filled. The stand-ins are the least welcome values there are: an
 * `x` fits into a string but after no backslash, and `null` fits where a whole value may stand but beside no digit. So
 * a template that passes stays JSON of the same structure with every value.
 */
export function isJsonTemplate(template: Template): boolean {
  const inString = placesInStrings(template);
  const sample = render(template, new Map(), (_, place) => (inString[place] ? 'x' : 'null'));
  try {
    JSON.parse(sample);
    return true;
  } catch {
    return false;
  }
}

/** Renders a template of JSON text: inside a string literal a value is escaped, elsewhere it is a whole JSON value. */
export function renderJsonText(template: Template, values: TemplateValues, budget: Budget): string {
  const inString = placesInStrings(template);
  return render(
    template,
    values,
    (value, place) => (inString[place] ? inJsonString : asJsonValue)(value, place),
    budget,
  );
}
