/** A stretch of a message, in UTF-16 units. https://core.telegram.org/bots/api#messageentity */
export interface Entity {
  type: string;
  offset: number;
  length: number;
  url?: string;
  language?: string;
}

export interface Parsed {
  text: string;
  entities: Entity[];
}

/** The markup is not what the parse mode says; the message is the Bot API's. */
export class Unparsable extends Error {}

interface Open {
  type: string;
  offset: number;
  /** Where the mark that opened it stands in the source. */
  at: number;
  url?: string;
  language?: string;
}

/** What both parse modes write into: the text without its markup, and the entities over it. */
export class Writer {
  text = '';
  readonly #entities: Entity[] = [];
  readonly #open: Open[] = [];

  get top(): Open | undefined {
    return this.#open.at(-1);
  }

  open(type: string, at: number, extra: Pick<Open, 'url' | 'language'> = {}): void {
    this.#open.push({ type, offset: this.text.length, at, ...extra });
  }

  close(extra: Pick<Open, 'url'> = {}): void {
    const entity = this.#open.pop();
    if (!entity) throw new Error('nothing is open');
    const { at: _, ...shown } = { ...entity, ...extra, length: this.text.length - entity.offset };
    if (shown.length > 0) this.#entities.push(shown);
  }

  /** The text is trimmed as the API trims it, and entities with it. */
  end(): Parsed {
    const text = this.text.trimEnd();
    const start = text.length - text.trimStart().length;
    const entities = this.#entities.map((entity) => {
      const offset = Math.max(entity.offset - start, 0);
      const end = Math.min(entity.offset + entity.length, text.length) - start;
      return { ...entity, offset, length: end - offset };
    });
    return { text: text.slice(start), entities: entities.filter(({ length }) => length > 0) };
  }
}

/** Byte offsets, in which the API's messages count. */
export const byteOffset = (source: string, at: number): number => Buffer.byteLength(source.slice(0, at));
