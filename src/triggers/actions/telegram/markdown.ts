import { type MarkedPlace, type Markup, near, PLACE } from './markup.ts';

type Entity = 'bold' | 'italic' | 'underline' | 'strikethrough' | 'spoiler' | 'code' | 'pre' | 'link' | 'emoji';

/** What begins and ends each entity. `__` and ` ``` ` come before their beginnings: the longer mark is meant. */
const MARKS: readonly (readonly [Entity, string, string])[] = [
  ['underline', '__', '__'],
  ['italic', '_', '_'],
  ['bold', '*', '*'],
  ['strikethrough', '~', '~'],
  ['spoiler', '||', '||'],
  ['pre', '```', '```'],
  ['code', '`', '`'],
  ['emoji', '![', ']'],
  ['link', '[', ']'],
];

/** "must be escaped with the preceding character '\'". https://core.telegram.org/bots/api#markdownv2-style */
const RESERVED = '_*[]()~`>#+-=|{}.!';

class Fault extends Error {}

/**
 * Reads a source (see `sourceOf`) as the Bot API's MarkdownV2. What the API would refuse is a fault, and so is a place
 * where no value can be written safely: after a backslash, in a code block's language, in a custom emoji's address.
 */
export function readMarkdown(source: string): Markup {
  const reader = new Reader(source);
  try {
    reader.read();
    return { ok: true, places: reader.places, shown: reader.shown };
  } catch (error) {
    if (error instanceof Fault) return { ok: false, fault: error.message };
    throw error;
  }
}

class Reader {
  readonly places: MarkedPlace[] = [];
  shown = 0;
  readonly #source: string;
  readonly #open: Entity[] = [];
  #at = 0;
  /** Behind a line break that is not escaped, or at the beginning: where a block quotation can start. */
  #lineStart = true;
  /** How many entities were open where the present block quotation began; nothing outside of one. */
  #quotation: number | undefined;

  constructor(source: string) {
    this.#source = source;
  }

  read(): void {
    while (this.#at < this.#source.length) this.#step();
    const left = this.#open.at(-1);
    if (left) throw new Fault(`has a ${left} entity that is not ended`);
  }

  #starts(text: string): boolean {
    return this.#source.startsWith(text, this.#at);
  }

  #fault(what: string): Fault {
    return new Fault(`${what}, ${near(this.#source, this.#at)}`);
  }

  #step(): void {
    const char = this.#source[this.#at] ?? '';
    // What was begun before a block quotation cannot be ended in it.
    const top = this.#open.length === this.#quotation ? undefined : this.#open.at(-1);
    const lineStart = this.#lineStart;
    this.#lineStart = false;
    if (char === '\\') this.#escaped();
    else if (char === PLACE) this.#place();
    else if (top === 'code' || top === 'pre') this.#inCode(top);
    else if (char === '\n') this.#lineBreak();
    else if (RESERVED.includes(char)) this.#mark(char, top, lineStart);
    else this.#show(1);
  }

  #show(units: number): void {
    this.shown += units;
    this.#at += units;
  }

  #escaped(): void {
    const next = this.#source.charCodeAt(this.#at + 1);
    if (next === 0) throw this.#fault('has a template right after a backslash');
    // Only characters of ASCII can be escaped; before any other the backslash is text.
    if (next <= 126) this.#at += 1;
    this.#show(1);
  }

  #place(): void {
    const top = this.#open.at(-1);
    const surroundings = top === 'code' || top === 'pre' ? 'code' : 'text';
    if (this.#open.includes('emoji')) throw this.#fault('has a template in a custom emoji');
    const inItalic = this.#open.includes('italic');
    this.places.push({ surroundings, inItalic, inQuotation: this.#quotation !== undefined });
    this.#at += 1;
  }

  #inCode(top: 'code' | 'pre'): void {
    const mark = top === 'code' ? '`' : '```';
    if (this.#starts(mark)) {
      this.#open.pop();
      this.#at += mark.length;
    } else if (this.#starts('`')) throw this.#fault('has a "`" in a code block that is not escaped');
    else this.#show(1);
  }

  #lineBreak(): void {
    this.#show(1);
    this.#lineStart = true;
    if (this.#quotation === undefined || this.#starts('>')) {
      if (this.#quotation !== undefined) this.#at += 1;
      return;
    }
    this.#endQuotation();
  }

  #endQuotation(): void {
    if (this.#open.length !== this.#quotation) throw this.#fault('has an entity that goes beyond its block quotation');
    this.#quotation = undefined;
  }

  /** A reserved character that is not escaped: it ends the innermost entity, begins one, or is a fault. */
  #mark(char: string, top: Entity | undefined, lineStart: boolean): void {
    const ending = MARKS.find(([entity, , end]) => entity === top && this.#starts(end));
    if (ending && !(top === 'italic' && this.#starts('__'))) {
      this.#open.pop();
      this.#at += ending[2].length;
      if (top === 'link' || top === 'emoji') this.#address(top);
      return;
    }
    const quotation =
      lineStart && this.#quotation === undefined ? ['>', '**>'].find((mark) => this.#starts(mark)) : undefined;
    if (quotation) {
      this.#quotation = this.#open.length;
      this.#at += quotation.length;
      return;
    }
    if (this.#endsExpandable()) return;
    const beginning = MARKS.find(([, begin]) => this.#starts(begin));
    if (!beginning) throw this.#fault(`has a "${char}" that is not escaped with a backslash`);
    const [entity, mark] = beginning;
    this.#open.push(entity);
    this.#at += mark.length;
    if (entity === 'pre') this.#language();
  }

  /** `||` at the end of a block quotation makes it expandable. */
  #endsExpandable(): boolean {
    const after = this.#source[this.#at + 2];
    const ends = this.#quotation !== undefined && this.#starts('||') && (after === undefined || after === '\n');
    if (ends) this.#at += 2;
    return ends;
  }

  /** The first word of a code block is its language, if a blank follows. */
  #language(): void {
    const [word = ''] = /^[^\s`]*/.exec(this.#source.slice(this.#at)) ?? [];
    if (word.includes(PLACE))
      throw this.#fault('has a template where the language of a code block stands; begin a new line');
    const end = this.#source[this.#at + word.length];
    if (word !== '' && end !== undefined && end !== '`') this.#at += word.length;
  }

  #address(entity: 'link' | 'emoji'): void {
    if (!this.#starts('(')) throw this.#fault('has a link without an address');
    const start = this.#at + 1;
    for (this.#at = start; !this.#starts(')'); this.#at++) {
      const char = this.#source[this.#at];
      if (char === undefined) throw this.#fault('has the address of a link that is not ended');
      if (char === '\\' && this.#source[this.#at + 1] === PLACE)
        throw this.#fault('has a template right after a backslash');
      if (char === '\\') this.#at += 1;
      if (char !== PLACE) continue;
      if (entity === 'emoji') throw this.#fault('has a template in a custom emoji');
      this.places.push({ surroundings: this.#at === start ? 'urlStart' : 'urlPart' });
    }
    this.#at += 1;
  }
}
