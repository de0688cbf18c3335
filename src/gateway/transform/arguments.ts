import { isJsonArray, isJsonObject, type Json, type JsonObject } from './json.ts';
import { chargeText, doubleOf, type Evaluate, type Machine, MappingFault, typeOf } from './machine.ts';

/** A value, or an expression that was handed over with `&`. */
export type Argument = { value: Json } | { expression: Evaluate };

/** What a function was called with, read by position and type; another type is a fault of the mapping. */
export class Arguments {
  readonly #of: string;
  readonly #given: readonly Argument[];
  readonly machine: Machine;

  constructor(of: string, given: readonly Argument[], machine: Machine) {
    this.#of = of;
    this.#given = given;
    this.machine = machine;
  }

  get count(): number {
    return this.#given.length;
  }

  #refuse(at: number, wanted: string): never {
    const given = this.#given[at];
    const type = given && 'value' in given ? typeOf(given.value) : 'expression';
    throw new MappingFault(`${this.#of}() takes ${wanted} as argument ${at + 1} and was given ${type}`);
  }

  value(at: number): Json {
    const given = this.#given[at];
    return given && 'value' in given ? given.value : null;
  }

  values(): Json[] {
    return this.#given.map((_, at) => this.value(at));
  }

  expression(at: number): Evaluate {
    const given = this.#given[at];
    return given && 'expression' in given ? given.expression : this.#refuse(at, 'expression');
  }

  /** Reading a text is paid for by its length. */
  text(at: number): string {
    const value = this.value(at);
    if (typeof value !== 'string') return this.#refuse(at, 'string');
    chargeText(this.machine, value.length);
    return value;
  }

  number(at: number): number {
    return doubleOf(this.value(at)) ?? this.#refuse(at, 'number');
  }

  /** Reading a list is paid for by its length. */
  list(at: number): readonly Json[] {
    const value = this.value(at);
    if (!isJsonArray(value)) return this.#refuse(at, 'array');
    chargeText(this.machine, value.length);
    return value;
  }

  object(at: number): JsonObject {
    const value = this.value(at);
    if (!isJsonObject(value)) return this.#refuse(at, 'object');
    chargeText(this.machine, Object.keys(value).length);
    return value;
  }

  numbers(at: number): number[] {
    return this.list(at).map((item) => doubleOf(item) ?? this.#refuse(at, 'array of numbers'));
  }

  texts(at: number): string[] {
    return this.list(at).map((item) => {
      if (typeof item !== 'string') return this.#refuse(at, 'array of strings');
      chargeText(this.machine, item.length);
      return item;
    });
  }
}
