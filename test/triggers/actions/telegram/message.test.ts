/** What is rendered is read again by the stand-in for Telegram, whose parsers are not ours. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHtml } from '../../../../scripts/stack/telegram/html.ts';
import { parseMarkdown } from '../../../../scripts/stack/telegram/markdown.ts';
import {
  faultOfMessage,
  MAX_MESSAGE,
  type ParseMode,
  renderMessage,
  renderPlain,
} from '../../../../src/triggers/actions/telegram/message.ts';
import { hostileText } from '../fixtures.ts';

const valuesOf = (values: Record<string, string | null>) => new Map(Object.entries(values));

const parse = { HTML: parseHtml, MarkdownV2: parseMarkdown } as const;

/** What a reader of the message sees of a template. */
const read = (mode: 'HTML' | 'MarkdownV2', template: string, values: Record<string, string | null>) =>
  parse[mode](renderMessage(template, mode, valuesOf(values)));

/** Names that agents could have. */
const HOSTILE = [
  '[x](http://evil.example)',
  '*bold* _italic_ __under__ ~no~ ||spoiler||',
  '`code` ```js\nalert(1)```',
  '{{owner}}',
  '<a href="http://evil.example">x</a>',
  '<b>',
  '</b></a>',
  '&lt;b&gt; &amp; &#60;',
  '\\',
  '\\*',
  '> quoted\n>more',
  '**>quoted||',
  '![👍](tg://emoji?id=1)',
  ')',
  '_',
  "' onclick='",
  '1. - + = | {} # !',
  '',
];

const marked = fc.array(fc.constantFrom(...'_*[]()~`>#+-=|{}.!\\<>&"\'\n ab😀')).map((chars) => chars.join(''));
const hostile = fc.oneof(fc.constantFrom(...HOSTILE), hostileText, marked);

/** As a message shows a value: line breaks are all alike, and other control characters are gone. */
const shown = (value: string) =>
  value
    .toWellFormed()
    .replace(/\r\n?|[\u2028\u2029]/g, '\n')
    .replace(/(?!\n)\p{Cc}/gu, '');

describe('a value', () => {
  it.each<['HTML' | 'MarkdownV2', string]>([
    ['HTML', '<b>Agent {{tag1}}</b>: <code>{{tag2}}</code>!'],
    ['HTML', '<pre><code class="language-json">{{tag1}}</code></pre> <i>{{tag2}}</i>'],
    ['HTML', '<blockquote expandable>{{tag1}}</blockquote><tg-spoiler>{{tag2}}</tg-spoiler>'],
    ['MarkdownV2', '*Agent {{tag1}}*: `{{tag2}}`\\!'],
    ['MarkdownV2', '_{{tag1}}_ __{{tag2}}__ ~x~ ||y||'],
    ['MarkdownV2', '```js\n{{tag1}}``` x *_{{tag2}}_*'],
    ['MarkdownV2', '[{{tag1}}](https://example.com/) {{tag2}}'],
    ['MarkdownV2', '{{tag1}}{{tag2}}'],
  ])('in %s %j is text and nothing else', (mode, template) => {
    const harmless = read(mode, template, { tag1: 'AA', tag2: 'BB' });
    fc.assert(
      fc.property(hostile, hostile, (tag1, tag2) => {
        const [first, second] = [`A${shown(tag1)}A`, `B${shown(tag2)}B`];
        const message = read(mode, template, { tag1: `A${tag1}A`, tag2: `B${tag2}B` });
        expect(message.text).toBe(harmless.text.replace('AA', () => first).replace('BB', () => second));
        expect(message.entities.map(({ type, url }) => ({ type, url }))).toEqual(
          harmless.entities.map(({ type, url }) => ({ type, url })),
        );
      }),
      { numRuns: 300 },
    );
  });

  it.each<['HTML' | 'MarkdownV2', string]>([
    ['HTML', '<b>{{tag1}}</b>x'],
    ['MarkdownV2', '_{{tag1}}_x'],
    ['MarkdownV2', '_{{tag1}}{{tag1}}_x'],
    ['MarkdownV2', '__{{tag1}}__x'],
    ['MarkdownV2', '*_{{tag1}}_*x'],
    ['MarkdownV2', '||{{tag1}}||x'],
    ['MarkdownV2', '`{{tag1}}`x'],
    ['MarkdownV2', '>{{tag1}}\nx'],
  ])('that is not there leaves the markup of %s %j as it is', (mode, template) => {
    expect(read(mode, template, {}).text.replaceAll('\u200b', '').trim()).toBe('x');
  });

  it('does not end a block quotation', () => {
    const message = read('MarkdownV2', '>by {{tag1}}\nend', { tag1: 'me\n*you*' });
    expect(message).toEqual({ text: 'by me *you*\nend', entities: [{ type: 'blockquote', offset: 0, length: 12 }] });
  });

  it.each<['HTML' | 'MarkdownV2', string]>([
    ['HTML', '<a href="https://example.com/{{tag1}}?q=1">x</a>'],
    ['HTML', "<a href='https://example.com/{{tag1}}?q=1'>x</a>"],
    ['MarkdownV2', '[x](https://example.com/{{tag1}}?q=1)'],
  ])('in the address of a link, in %s %j, is one component of it', (mode, template) => {
    fc.assert(
      fc.property(hostile, (tag1) => {
        const [entity] = read(mode, template, { tag1 }).entities;
        const [, component = '?'] = /^https:\/\/example\.com\/([^/?#]*)\?q=1$/.exec(entity?.url ?? '') ?? [];
        expect(decodeURIComponent(component)).toBe(shown(tag1));
      }),
    );
  });

  it.each<['HTML' | 'MarkdownV2', string]>([
    ['HTML', '<a href="{{tag1}}">x</a>'],
    ['MarkdownV2', '[x]({{tag1}})'],
  ])('can be the whole address of a link in %s, and nothing more', (mode, template) => {
    const address = 'https://example.com/a_(b)?x=1&y="<z>"\\';
    expect(read(mode, template, { tag1: address })).toEqual({
      text: 'x',
      entities: [{ type: 'text_link', offset: 0, length: 1, url: address }],
    });
  });
});

describe('a template that Telegram would refuse, or that has no safe place for a value,', () => {
  it.each<[ParseMode, string, string]>([
    ['HTML', 'a < b', 'has a "<" that begins no tag, after "a "'],
    ['HTML', '<b>x', 'has a <b> that is not closed'],
    ['HTML', '<b>x</i>', 'closes <i> where <b> is open'],
    ['HTML', 'x</b>', 'closes <b> where <nothing> is open'],
    ['HTML', '<script>x</script>', 'has the tag <script>, which Telegram does not know'],
    ['HTML', '<b style="x">x</b>', 'has the attribute style in <b>, which Telegram does not know'],
    ['HTML', '<{{tag1}}>x</b>', 'has a "<" that begins no tag'],
    ['HTML', '<b {{tag1}}>x</b>', 'has a "<" that begins no tag'],
    ['HTML', '<a href={{tag1}}>x</a>', 'has a "<" that begins no tag'],
    ['HTML', '<code class="language-{{tag1}}">x</code>', 'has a template in the attribute class'],
    ['MarkdownV2', 'Hi!', 'has a "!" that is not escaped with a backslash, after "Hi"'],
    ['MarkdownV2', '{{tag1}}.', 'has a "." that is not escaped with a backslash, after "{{…}}"'],
    ['MarkdownV2', '*x', 'has a bold entity that is not ended'],
    ['MarkdownV2', '[x](https://example.com', 'has the address of a link that is not ended'],
    ['MarkdownV2', '[x]', 'has a link without an address'],
    ['MarkdownV2', '\\{{tag1}}', 'has a template right after a backslash'],
    ['MarkdownV2', '[x](a\\{{tag1}})', 'has a template right after a backslash'],
    ['MarkdownV2', '```{{tag1}}\nx```', 'has a template where the language of a code block stands'],
    ['MarkdownV2', '![x](tg://emoji?id={{tag1}})', 'has a template in a custom emoji'],
    ['MarkdownV2', '>*x\ny*', 'has an entity that goes beyond its block quotation'],
    [undefined, 'x'.repeat(4097), 'must have at most 4096 characters (UTF-16) without its markup'],
    ['HTML', '{{nope}}', 'names the unknown field "nope"'],
  ])('%s %j is refused: %s', (mode, template, fault) => {
    expect(faultOfMessage(template, mode)?.startsWith(fault), faultOfMessage(template, mode)).toBe(true);
  });

  it('is the same that Telegram refuses', () => {
    const written = fc
      .array(fc.constantFrom(...'_*[]()~`>|!\\.\nab', '__', '||', '```', '![', '](u)', '**>', '\n>'), { maxLength: 12 })
      .map((parts) => `x${parts.join('')}x`);
    fc.assert(
      fc.property(written, (template) => {
        let accepted = true;
        try {
          parseMarkdown(template);
        } catch {
          accepted = false;
        }
        expect(faultOfMessage(template, 'MarkdownV2') === undefined, template).toBe(accepted);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('a message', () => {
  const long = '<&*_.😀'.repeat(2_000);

  it.each<['HTML' | 'MarkdownV2', string]>([
    ['HTML', '<b>{{tag1}}</b> &amp; <a href="https://example.com/{{tag2}}">{{tag2}}</a>'],
    ['MarkdownV2', '*{{tag1}}* \\. [{{tag2}}](https://example.com/{{tag2}})'],
  ])('is cut to what Telegram takes in its values alone: %s', (mode, template) => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9_000 }), fc.integer({ min: 0, max: 9_000 }), (one, two) => {
        const message = read(mode, template, { tag1: `a${long.slice(0, one)}`, tag2: long.slice(0, two) });
        expect(message.text.length).toBeLessThanOrEqual(MAX_MESSAGE);
        if (one + two > MAX_MESSAGE) expect(message.text.length).toBeGreaterThan(MAX_MESSAGE - 8);
        expect(message.entities[0]?.type).toBe('bold');
        expect(message.text.isWellFormed()).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('loses the longest of its values first, and says so', () => {
    const text = renderMessage('{{tag1}} {{tag2}}', undefined, valuesOf({ tag1: 'short', tag2: 'x'.repeat(5_000) }));
    expect(text).toBe(`short ${'x'.repeat(4_089)}…`);
  });

  it('can be sent with its marks as they are written', () => {
    expect(renderPlain('<b>{{tag1}}</b>', valuesOf({ tag1: '<i>' }))).toBe('<b><i></b>');
    expect(renderPlain('{{tag1}}', valuesOf({ tag1: 'x'.repeat(9_000) }))).toHaveLength(MAX_MESSAGE);
  });
});
