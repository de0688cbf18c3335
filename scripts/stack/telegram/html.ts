import { byteOffset, type Parsed, Unparsable, Writer } from './entities.ts';

/** The tags of https://core.telegram.org/bots/api#html-style and the entities that they make. */
const TYPES: Readonly<Record<string, string>> = {
  b: 'bold',
  strong: 'bold',
  i: 'italic',
  em: 'italic',
  u: 'underline',
  ins: 'underline',
  s: 'strikethrough',
  strike: 'strikethrough',
  del: 'strikethrough',
  span: 'spoiler',
  'tg-spoiler': 'spoiler',
  a: 'text_link',
  code: 'code',
  pre: 'pre',
  blockquote: 'blockquote',
  'tg-emoji': 'custom_emoji',
};

const REFERENCES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"' };

const decode = (text: string) =>
  text.replace(
    /&(?:(lt|gt|amp|quot)|#(\d{1,7})|#x([0-9a-f]{1,6}));/gi,
    (whole, name: string, decimal: string, hex: string) => {
      if (name) return REFERENCES[name.toLowerCase()] ?? whole;
      const code = decimal ? Number(decimal) : Number.parseInt(hex, 16);
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );

/** HTML as Telegram's servers read it. After `parse_html` of https://github.com/tdlib/td (MessageEntity.cpp). */
export function parseHtml(source: string): Parsed {
  const out = new Writer();
  const tags: string[] = [];
  for (let at = 0; at < source.length; ) {
    const rest = source.slice(at);
    const refuse: Refuse = (message) =>
      new Unparsable(`Bad Request: can't parse entities: ${message} at byte offset ${byteOffset(source, at)}`);
    if (rest.startsWith('</')) at += endTag(rest, tags, out, refuse);
    else if (rest.startsWith('<')) at += startTag(rest, tags, out, refuse);
    else {
      const [text = ''] = /^[^<]+/.exec(rest) ?? [];
      out.text += decode(text);
      at += text.length;
    }
  }
  const left = tags.at(-1);
  if (left === undefined) return out.end();
  const message = `Can't find end tag corresponding to start tag "${left}"`;
  throw new Unparsable(`Bad Request: can't parse entities: ${message}`);
}

type Refuse = (message: string) => Unparsable;

/** Reads the tag that the text starts with; answers its length. */
function endTag(text: string, tags: string[], out: Writer, refuse: Refuse): number {
  const [whole, written = ''] = /^<\/([^>]*)>/.exec(text) ?? [];
  if (whole === undefined) throw refuse('Unclosed end tag');
  const name = written.trim().toLowerCase();
  const expected = tags.pop();
  if (expected === undefined) throw refuse('Unexpected end tag');
  if (name !== '' && name !== expected)
    throw refuse(`Unmatched end tag, expected "</${expected}>", found "</${name}>"`);
  out.close();
  return whole.length;
}

const START = /^<([^\s>/]*)((?:\s+[a-z-]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[\w.-]+))?)*)\s*>/i;

/** Reads the tag that the text starts with; answers its length. */
function startTag(text: string, tags: string[], out: Writer, refuse: Refuse): number {
  const tag = (/^<([^\s>]*)/.exec(text)?.[1] ?? '').toLowerCase();
  const type = TYPES[tag];
  if (type === undefined) throw refuse(`Unsupported start tag "${tag}"`);
  const [whole, , attributes = ''] = START.exec(text) ?? [];
  if (whole === undefined) throw refuse('Unclosed start tag');
  const given = attributesOf(attributes);
  if (tag === 'span' && given.get('class') !== 'tg-spoiler') throw refuse('Tag "span" must have class "tg-spoiler"');
  const url = given.get('href');
  tags.push(tag);
  out.open(type, 0, type === 'text_link' && url !== undefined ? { url } : {});
  return whole.length;
}

function attributesOf(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name = '', quoted, single, bare] of text.matchAll(
    /([a-z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([\w.-]+)))?/gi,
  ))
    found.set(name.toLowerCase(), decode(quoted ?? single ?? bare ?? ''));
  return found;
}
