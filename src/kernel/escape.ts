import type { Escape } from './template.ts';
import { JsonLiteral, type TemplateValue } from './template-filters.ts';

/** A value's text: nothing for an absent field, and no lone surrogates, which have no encoding. */
export const textOf = (value: TemplateValue) => (value === null ? '' : String(value).toWellFormed());

export const asText: Escape = (value) => textOf(value);

/** Text that ends no line: no control characters and no line or paragraph separators. */
export const inLine: Escape = (value) => textOf(value).replace(/[\p{Cc}\u2028\u2029]/gu, '');

/** The inside of a JSON string literal. */
export const inJsonString: Escape = (value) => JSON.stringify(textOf(value)).slice(1, -1);

/** A whole JSON value: a number, a quoted string, `null` for an absent field, or what is JSON already. */
export const asJsonValue: Escape = (value) => {
  if (value instanceof JsonLiteral) return value.text;
  return value === null ? 'null' : JSON.stringify(typeof value === 'number' ? value : textOf(value));
};

/** One component of a URL or of a form: everything but RFC 3986's unreserved characters is percent-encoded. */
export const inUrl: Escape = (value) =>
  encodeURIComponent(textOf(value)).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

const MARKUP: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text or an attribute's value in HTML or XML. */
export const inMarkup: Escape = (value) => textOf(value).replace(/[&<>"']/g, (char) => MARKUP[char] ?? '');

/** A header's value: control characters are dropped; what is not ASCII is percent-encoded, since fields have no charset. */
export const inHeader: Escape = (value) =>
  textOf(value)
    .replace(/\p{Cc}/gu, '')
    .replace(/[^\x20-\x7e]+/g, encodeURIComponent);
