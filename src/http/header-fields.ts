/**
 * The header fields of a message: the platform's own `Headers` (Fetch Standard §5.1), or a `FieldMap`. Names are taken in
 * any case and told in lower case; a field that occurs several times is one value with commas, and `Set-Cookie`, which has
 * them inside, one entry for each time.
 */
export interface FieldReader extends Iterable<[name: string, value: string]> {
  get(name: string): string | null;
  has(name: string): boolean;
}

export interface HeaderFields extends FieldReader {
  set(name: string, value: string): void;
  append(name: string, value: string): void;
  delete(name: string): void;
}

/** RFC 6265 §3: cookies cannot be told apart in a list. */
const SET_COOKIE = 'set-cookie';

/**
 * Header fields in plain JavaScript. Each call of the platform's `Headers` leads out of it, which costs a message on its way
 * through the gateway more than what is done there. Names and values are checked where the platform takes them over:
 * whoever writes what others have made sees to it that it is a field.
 */
export class FieldMap implements HeaderFields {
  readonly #fields = new Map<string, string>();
  #cookies: string[] | undefined;

  constructor(fields: Iterable<readonly [name: string, value: string]> = []) {
    for (const [name, value] of fields) this.append(name, value);
  }

  get(name: string): string | null {
    const key = name.toLowerCase();
    return (key === SET_COOKIE ? this.#cookies?.join(', ') : this.#fields.get(key)) ?? null;
  }

  has(name: string): boolean {
    const key = name.toLowerCase();
    return key === SET_COOKIE ? this.#cookies !== undefined : this.#fields.has(key);
  }

  set(name: string, value: string): void {
    const key = name.toLowerCase();
    if (key === SET_COOKIE) this.#cookies = [value];
    else this.#fields.set(key, value);
  }

  append(name: string, value: string): void {
    const key = name.toLowerCase();
    if (key === SET_COOKIE) {
      this.#cookies ??= [];
      this.#cookies.push(value);
    } else {
      const before = this.#fields.get(key);
      this.#fields.set(key, before === undefined ? value : `${before}, ${value}`);
    }
  }

  delete(name: string): void {
    const key = name.toLowerCase();
    if (key === SET_COOKIE) this.#cookies = undefined;
    else this.#fields.delete(key);
  }

  [Symbol.iterator](): Iterator<[name: string, value: string]> {
    const fields = this.#fields.entries();
    if (this.#cookies === undefined) return fields;
    return [...fields, ...this.#cookies.map((cookie): [string, string] => [SET_COOKIE, cookie])].values();
  }

  /** Adds all of them to the platform's. @throws TypeError when one is no field */
  writeTo(headers: Headers): void {
    for (const [name, value] of this.#fields) headers.set(name, value);
    for (const cookie of this.#cookies ?? []) headers.append(SET_COOKIE, cookie);
  }
}
