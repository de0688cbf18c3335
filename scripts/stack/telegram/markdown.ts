import { byteOffset, type Parsed, Unparsable, Writer } from './entities.ts';

const NAMES: Readonly<Record<string, string>> = {
  bold: 'Bold',
  italic: 'Italic',
  underline: 'Underline',
  strikethrough: 'Strikethrough',
  spoiler: 'Spoiler',
  code: 'Code',
  pre: 'Pre',
  text_link: 'TextUrl',
  custom_emoji: 'CustomEmoji',
};

/** Marks and the entities that they begin; the longer ones are meant where both could be. */
const BEGINNINGS: readonly (readonly [string, string])[] = [
  ['__', 'underline'],
  ['||', 'spoiler'],
  ['![', 'custom_emoji'],
  ['*', 'bold'],
  ['_', 'italic'],
  ['~', 'strikethrough'],
  ['`', 'code'],
  ['[', 'text_link'],
];

const RESERVED = '_*[]()~`>#+-=|{}.!';

/**
 * MarkdownV2 as Telegram's servers read it: one pass, the innermost entity first, and every reserved character that is
 * neither a mark nor escaped a refusal. After `parse_markdown_v2` of https://github.com/tdlib/td (MessageEntity.cpp).
 */
export const parseMarkdown = (source: string): Parsed => new MarkdownReader(source).read();

class MarkdownReader {
  readonly #source: string;
  readonly #out = new Writer();
  #at = 0;
  #inQuotation = false;
  #lineStart = true;

  constructor(source: string) {
    this.#source = source;
  }

  read(): Parsed {
    while (this.#at < this.#source.length) {
      const isMark = this.#lineStart && this.#quotation();
      this.#lineStart = false;
      if (!isMark) this.#step();
    }
    if (this.#inQuotation && this.#out.top?.type === 'blockquote') this.#out.close();
    const { top } = this.#out;
    if (top)
      throw this.#refusal(
        `Can't find end of ${this.#nameOfTop()} entity at byte offset ${byteOffset(this.#source, top.at)}`,
      );
    return this.#out.end();
  }

  #refusal(message: string): Unparsable {
    return new Unparsable(`Bad Request: can't parse entities: ${message}`);
  }

  #nameOfTop(): string {
    const type = this.#out.top?.type ?? '';
    return NAMES[type] ?? type;
  }

  #startsWith(text: string): boolean {
    return this.#source.startsWith(text, this.#at);
  }

  #isEscapable(at: number): boolean {
    const code = this.#source.charCodeAt(at);
    return code > 0 && code <= 126;
  }

  #step(): void {
    const char = this.#source[this.#at] ?? '';
    const type = this.#out.top?.type;
    const inCode = type === 'code' || type === 'pre';
    const end = this.#endingMark();
    if (char === '\\' && this.#isEscapable(this.#at + 1)) {
      this.#out.text += this.#source[this.#at + 1];
      this.#at += 2;
    } else if (end > 0) this.#close(end);
    else if (this.#inQuotation && !inCode && /^\|\|(?:\n|$)/.test(this.#source.slice(this.#at))) this.#at += 2;
    else if (!(inCode ? '`' : RESERVED).includes(char)) {
      this.#out.text += char;
      this.#lineStart = char === '\n' && !inCode;
      this.#at += 1;
    } else if (inCode) throw this.#reserved();
    else this.#begin();
  }

  #reserved(): Unparsable {
    const char = this.#source[this.#at];
    return this.#refusal(`Character '${char}' is reserved and must be escaped with the preceding '\\'`);
  }

  /** How long the mark is that stands here and ends the innermost entity; 0 when there is none. */
  #endingMark(): number {
    const type = this.#out.top?.type;
    if (type === 'italic') return this.#startsWith('_') && !this.#startsWith('__') ? 1 : 0;
    if (type === 'pre') return this.#startsWith('```') ? 3 : 0;
    if (type === 'text_link' || type === 'custom_emoji') return this.#startsWith(']') ? 1 : 0;
    const mark = BEGINNINGS.find(([, entity]) => entity === type)?.[0];
    return mark && this.#startsWith(mark) ? mark.length : 0;
  }

  #close(length: number): void {
    this.#at += length;
    const type = this.#out.top?.type;
    const isLink = type === 'text_link' || type === 'custom_emoji';
    if (isLink && !this.#startsWith('(')) throw this.#refusal('there is no address after a link');
    this.#out.close(isLink ? { url: this.#address() } : {});
  }

  /** What stands in the parentheses after a link or emoji; moves behind them. */
  #address(): string {
    const start = this.#at;
    let url = '';
    for (this.#at += 1; this.#at < this.#source.length && !this.#startsWith(')'); this.#at++) {
      if (this.#startsWith('\\') && this.#isEscapable(this.#at + 1)) this.#at += 1;
      url += this.#source[this.#at];
    }
    if (!this.#startsWith(')'))
      throw this.#refusal(`Can't find end of a URL at byte offset ${byteOffset(this.#source, start)}`);
    this.#at += 1;
    return url;
  }

  #begin(): void {
    const start = this.#at;
    if (this.#startsWith('```')) {
      const [word = ''] = /^[^\s`]*/.exec(this.#source.slice(start + 3)) ?? [];
      const after = this.#source[start + 3 + word.length];
      const isLanguage = word !== '' && after !== undefined && after !== '`';
      this.#at += 3 + (isLanguage ? word.length : 0);
      if (this.#startsWith('\n')) this.#at += 1;
      this.#out.open('pre', start, isLanguage ? { language: word } : {});
      return;
    }
    const [mark, type] = BEGINNINGS.find(([text]) => this.#startsWith(text)) ?? [];
    if (mark === undefined || type === undefined) throw this.#reserved();
    this.#out.open(type, start);
    this.#at += mark.length;
  }

  /** At the start of a line: begins, goes on with or ends a block quotation. Answers whether a mark was read. */
  #quotation(): boolean {
    const mark = (this.#inQuotation ? ['>'] : ['>', '**>']).find((text) => this.#startsWith(text));
    if (mark) {
      if (!this.#inQuotation) this.#out.open('blockquote', this.#at);
      this.#inQuotation = true;
      this.#at += mark.length;
      return true;
    }
    if (!this.#inQuotation) return false;
    if (this.#out.top?.type !== 'blockquote') throw this.#refusal(`Can't find end of ${this.#nameOfTop()} entity`);
    this.#out.close();
    this.#inQuotation = false;
    // What follows may begin the next one.
    return this.#quotation();
  }
}
