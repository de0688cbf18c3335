import { asText, inMarkup, inUrl, textOf } from '../../../kernel/escape.ts';
import { newBudget, placeValues, render, type Template, type TemplateValues } from '../../../kernel/template.ts';
import type { TemplateValue } from '../../../kernel/template-filters.ts';
import { knownTemplate, parseTemplate } from '../template.ts';
import { readHtml } from './html.ts';
import { readMarkdown } from './markdown.ts';
import { type MarkedPlace, type Markup, PLACE, sourceOf } from './markup.ts';

export type ParseMode = 'HTML' | 'MarkdownV2' | undefined;

/** "1-4096 characters after entities parsing", in UTF-16 units. https://core.telegram.org/bots/api#sendmessage */
export const MAX_MESSAGE = 4096;

/** Longer than any address that is meant; a longer one is left out, since half of one leads elsewhere. */
const MAX_URL = 2048;

function readPlain(source: string): Markup {
  const places = [...source].filter((char) => char === PLACE).map((): MarkedPlace => ({ surroundings: 'text' }));
  return { ok: true, places, shown: source.length - places.length };
}

const READERS = { HTML: readHtml, MarkdownV2: readMarkdown, plain: readPlain } as const;

const read = (template: Template, mode: ParseMode): Markup => READERS[mode ?? 'plain'](sourceOf(template));

/** What is wrong with the template of a message, or `undefined`. */
export function faultOfMessage(text: string, mode: ParseMode): string | undefined {
  const parsed = parseTemplate(text);
  if (!parsed.ok) return parsed.fault;
  const markup = read(parsed.template, mode);
  if (!markup.ok) return markup.fault;
  return markup.shown > MAX_MESSAGE
    ? `must have at most ${MAX_MESSAGE} characters (UTF-16) without its markup`
    : undefined;
}

/**
 * The text of a message: every value escaped for what surrounds it, and cut where the whole would be longer than Telegram
 * takes. Only values are cut, the longest first, and never the markup around them.
 */
export function renderMessage(text: string, mode: ParseMode, values: TemplateValues): string {
  const template = knownTemplate(text);
  const markup = read(template, mode);
  if (!markup.ok) throw new Error(`a stored message ${markup.fault}`);
  const { places, shown } = markup;
  const raw = placeValues(template, values).map((value, place) => shownValue(value, places[place]));
  const lengths = raw.filter((_, place) => isShown(places[place])).map((value) => value.length);
  const longest = longestThatFits(lengths, Math.max(0, MAX_MESSAGE - shown));
  return render(
    template,
    values,
    (_, place) => {
      const marked = places[place];
      const value = raw[place] ?? '';
      return marked ? write(isShown(marked) ? cut(value, longest) : value, marked, mode) : '';
    },
    newBudget(),
  );
}

/** The message without any markup being read, for when Telegram cannot read it: marks are shown as they are written. */
export const renderPlain = (text: string, values: TemplateValues): string =>
  cut(render(knownTemplate(text), values, asText), MAX_MESSAGE);

const isShown = (place: MarkedPlace | undefined) => place?.surroundings === 'text' || place?.surroundings === 'code';

/** Control characters but the line feed mean nothing in a message. */
function shownValue(value: TemplateValue, place: MarkedPlace | undefined): string {
  const text = textOf(value)
    .replace(/\r\n?|[\u2028\u2029]/g, '\n')
    .replace(/(?!\n)\p{Cc}/gu, '');
  return place?.inQuotation ? text.replaceAll('\n', ' ') : text;
}

/** The greatest length to which each text may be cut so that all of them together fit. */
function longestThatFits(lengths: readonly number[], room: number): number {
  let left = room;
  const ascending = lengths.toSorted((a, b) => a - b);
  for (const [index, length] of ascending.entries()) {
    const share = Math.floor(left / (ascending.length - index));
    if (length > share) return share;
    left -= length;
  }
  return MAX_MESSAGE;
}

/** The first `length` UTF-16 units, the last of them an ellipsis where something was cut off; no half characters. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  return length === 0 ? '' : `${text.slice(0, length - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

function write(value: string, place: MarkedPlace, mode: ParseMode): string {
  if (!isShown(place)) {
    const url = place.surroundings === 'urlPart' ? inUrl(value, 0) : value.replace(/[\s\p{Cc}]/gu, encodeURIComponent);
    const address = url.length > MAX_URL ? '' : url;
    return mode === 'HTML' ? inMarkup(address, 0) : address.replace(/[)\\]/g, '\\$&');
  }
  if (mode === 'HTML') return inMarkup(value, 0);
  if (mode === undefined) return value;
  if (place.surroundings === 'code') return value.replace(/[`\\]/g, '\\$&');
  // Nothing between two `_` would make them the `__` of an underline: a zero-width space keeps them apart.
  if (value === '' && place.inItalic) return '\u200b';
  return value.replace(/[_*[\]()~`>#+\-=|{}.!\\]/g, '\\$&');
}
