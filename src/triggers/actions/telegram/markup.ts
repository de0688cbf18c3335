import type { Template } from '../../../kernel/template.ts';

/**
 * What surrounds a place, and so how its value has to be written. `text` is shown; `code` is shown as it is; `urlStart`
 * and `urlPart` are the beginning and the inside of a link's address.
 */
type Surroundings = 'text' | 'code' | 'urlStart' | 'urlPart';

export interface MarkedPlace {
  surroundings: Surroundings;
  /** In MarkdownV2: inside an italic entity, whose marks may not meet. */
  inItalic?: boolean;
  /** In MarkdownV2: inside a block quotation, which a line break would end. */
  inQuotation?: boolean;
}

/** A template of a message as its parse mode understands it. */
export type Markup =
  /** `shown`: how many UTF-16 units of the literal text are left when its markup is taken away. */
  { ok: true; places: readonly MarkedPlace[]; shown: number } | { ok: false; fault: string };

/** Stands for a place in `sourceOf`: stored text holds no NUL. */
export const PLACE = '\0';

/** The literal text of a template, with one character where a value goes. */
export const sourceOf = (template: Template): string =>
  template.map((part) => (typeof part === 'string' ? part : PLACE)).join('');

/** Where in the source something stands, in words: a place counts as one character, so the text before it is quoted. */
export const near = (source: string, at: number): string => {
  const before = source.slice(Math.max(0, at - 20), at).replaceAll(PLACE, '{{…}}');
  return before === '' ? 'at the beginning' : `after ${JSON.stringify(before)}`;
};
