import { type ParsedTemplate, parseTemplate as parse, type Template, type Vocabulary } from '../../kernel/template.ts';
import { FILTERS } from './template-filters.ts';
import { TEMPLATE_NAMES } from './template-names.ts';

const VOCABULARY: Vocabulary = {
  keyOf: (name) => TEMPLATE_NAMES.get(name),
  names: [...TEMPLATE_NAMES.keys()],
  filters: FILTERS,
};

/** Reads a template of an action: fields of events, and what its trigger and delivery add. */
export const parseTemplate = (text: string): ParsedTemplate => parse(text, VOCABULARY);

/**
 * The template of a text that was checked when it was written.
 * @throws Error when it is not a template after all
 */
export function knownTemplate(text: string): Template {
  const parsed = parseTemplate(text);
  if (!parsed.ok) throw new Error(`a stored template ${parsed.fault}`);
  return parsed.template;
}
