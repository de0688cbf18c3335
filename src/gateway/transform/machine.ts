import { isExact, isJsonArray, isJsonObject, type Json, type JsonObject } from './json.ts';

/** Why an expression came to no value for a body. The message names functions and types, never what the body says. */
export class MappingFault extends Error {}

/** What one evaluation has left, and the whole value it began with. */
export interface Machine {
  readonly root: Json;
  steps: number;
}

/** One expression as a function of the value it stands at. */
export type Evaluate = (value: Json, machine: Machine) => Json;

/** About 50 ms of a Worker's time: 20,000 elements mapped to ten members each, five times over. */
export const MAX_STEPS = 1_000_000;

/** @throws MappingFault when the expression has done all that it may */
export function charge(machine: Machine, steps: number): void {
  machine.steps -= steps;
  if (machine.steps < 0) throw new MappingFault('the expression takes too many steps for this body');
}

/** Characters that are read or made cost less than parts that are evaluated. */
export const CHARACTERS_PER_STEP = 16;

export const chargeText = (machine: Machine, characters: number): void =>
  charge(machine, 1 + Math.floor(characters / CHARACTERS_PER_STEP));

export const isNumber = (value: Json): boolean => typeof value === 'number' || isExact(value);

/** The double nearest to a number, since arithmetic is done with doubles; nothing for another value. */
export const doubleOf = (value: Json): number | undefined => {
  if (typeof value === 'number') return value;
  return isExact(value) ? Number(value.rawJSON) : undefined;
};

/** @throws MappingFault for what JSON has no number for */
export function finite(value: number): number {
  if (!Number.isFinite(value)) throw new MappingFault('arithmetic came to no finite number');
  return value;
}

export function typeOf(value: Json): 'array' | 'boolean' | 'null' | 'number' | 'object' | 'string' {
  if (value === null) return 'null';
  if (typeof value === 'object') return isExact(value) ? 'number' : isJsonArray(value) ? 'array' : 'object';
  return typeof value === 'number' ? 'number' : typeof value === 'boolean' ? 'boolean' : 'string';
}

/** JMESPath's truth: false, null, and what is empty are not true; 0 is. */
export function isTrue(value: Json): boolean {
  if (value === null || value === false || value === '') return false;
  if (isJsonArray(value)) return value.length > 0;
  return isJsonObject(value) ? Object.keys(value).length > 0 : true;
}

/** The member of that name; `null` where there is none, and for what every object inherits. */
export const memberOf = (object: JsonObject, name: string): Json =>
  Object.hasOwn(object, name) ? (object[name] ?? null) : null;

/** An object that inherits nothing, so that a member called `__proto__` is a member. */
export const newObject = (): Record<string, Json> => Object.create(null);

export function isEqual(a: Json, b: Json, machine: Machine): boolean {
  charge(machine, 1);
  if (typeof a === 'string' && typeof b === 'string') {
    chargeText(machine, Math.min(a.length, b.length));
    return a === b;
  }
  if (isExact(a) || isExact(b)) return isExact(a) && isExact(b) && a.rawJSON === b.rawJSON;
  if (isJsonArray(a)) {
    return (
      isJsonArray(b) && a.length === b.length && a.every((item, index) => isEqual(item, b[index] ?? null, machine))
    );
  }
  if (!isJsonObject(a)) return a === b;
  if (!isJsonObject(b)) return false;
  const names = Object.keys(a);
  charge(machine, names.length);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isEqual(memberOf(a, name), memberOf(b, name), machine))
  );
}

/** An array of this type goes through `slice` and `[a:b:c]` (Python's rules, as JMESPath has them). */
export function sliced<T>(
  items: readonly T[],
  { start, stop, step }: { start: number | null; stop: number | null; step: number | null },
): T[] {
  const by = step ?? 1;
  const length = items.length;
  const capped = (at: number) =>
    at < 0 ? Math.max(at + length, by < 0 ? -1 : 0) : Math.min(at, by < 0 ? length - 1 : length);
  const from = start === null ? (by < 0 ? length - 1 : 0) : capped(start);
  const to = stop === null ? (by < 0 ? -1 : length) : capped(stop);
  const taken: T[] = [];
  for (let at = from; by > 0 ? at < to : at > to; at += by) {
    const item = items[at];
    if (item !== undefined) taken.push(item);
  }
  return taken;
}
