import type { Arguments } from './arguments.ts';
import { isJsonArray, isJsonObject, type Json, JsonTooLarge, numberOf, writeJson } from './json.ts';
import {
  CHARACTERS_PER_STEP,
  charge,
  chargeText,
  doubleOf,
  type Evaluate,
  finite,
  isEqual,
  isNumber,
  type Machine,
  MappingFault,
  newObject,
  typeOf,
} from './machine.ts';

interface MappingFunction {
  takes: readonly ('value' | 'expression')[];
  /** How many of the last ones may be left out. */
  optional?: number;
  /** Whether the last one may be given several times. */
  variadic?: boolean;
  apply(args: Arguments): Json;
}

const one = (apply: MappingFunction['apply']): MappingFunction => ({ takes: ['value'], apply });
const two = (apply: MappingFunction['apply']): MappingFunction => ({ takes: ['value', 'value'], apply });
const by = (apply: MappingFunction['apply']): MappingFunction => ({ takes: ['value', 'expression'], apply });

type Comparable = number | string;

/** What things are ordered by: all numbers or all strings. */
function comparables(values: readonly Json[], machine: Machine): Comparable[] {
  charge(machine, values.length);
  const wanted = values.length === 0 ? 'number' : typeOf(values[0] ?? null);
  return values.map((value) => {
    const key = typeof value === 'string' ? value : doubleOf(value);
    if (key === undefined || typeOf(value) !== wanted)
      throw new MappingFault('only numbers or only strings are ordered');
    return key;
  });
}

const compare = (a: Comparable, b: Comparable) => (a < b ? -1 : a > b ? 1 : 0);

interface Keyed {
  item: Json;
  key: Comparable;
}

function keyed(items: readonly Json[], expression: Evaluate | undefined, machine: Machine): Keyed[] {
  const keys = comparables(expression ? items.map((item) => expression(item, machine)) : items, machine);
  return items.flatMap((item, index) => {
    const key = keys[index];
    return key === undefined ? [] : [{ item, key }];
  });
}

function sorted(items: readonly Json[], expression: Evaluate | undefined, machine: Machine): Json[] {
  const entries = keyed(items, expression, machine);
  charge(machine, entries.length * Math.ceil(Math.log2(entries.length + 1)));
  return entries.sort((a, b) => compare(a.key, b.key)).map(({ item }) => item);
}

/** The first of those for which no other is further in that direction. */
function furthest(direction: 1 | -1, items: readonly Json[], expression: Evaluate | undefined, machine: Machine): Json {
  const [first, ...others] = keyed(items, expression, machine);
  if (!first) return null;
  return others.reduce((best, entry) => (compare(entry.key, best.key) * direction > 0 ? entry : best), first).item;
}

const furthestIn = (direction: 1 | -1): MappingFunction =>
  one((args) => furthest(direction, args.list(0), undefined, args.machine));

const furthestBy = (direction: 1 | -1): MappingFunction =>
  by((args) => furthest(direction, args.list(0), args.expression(1), args.machine));

const rounded = (round: (value: number) => number): MappingFunction => one((args) => round(args.number(0)));

/** A text made of others is paid for before it is made. */
function joined(parts: readonly string[], glue: string, machine: Machine): string {
  const length = parts.reduce((sum, part) => sum + part.length, Math.max(parts.length - 1, 0) * glue.length);
  chargeText(machine, length);
  return parts.join(glue);
}

function textOf(value: Json, machine: Machine): string {
  if (typeof value === 'string') return value;
  const allowance = { left: machine.steps * CHARACTERS_PER_STEP };
  try {
    const text = writeJson(value, allowance);
    chargeText(machine, text.length);
    return text;
  } catch (error) {
    if (error instanceof JsonTooLarge) throw new MappingFault('to_string() would make a text that is too long');
    throw error;
  }
}

function contains(args: Arguments): boolean {
  const [within, wanted] = [args.value(0), args.value(1)];
  if (typeof within === 'string') return typeof wanted === 'string' && args.text(0).includes(args.text(1));
  return args.list(0).some((item) => isEqual(item, wanted, args.machine));
}

function lengthOf(args: Arguments): number {
  const value = args.value(0);
  if (typeof value === 'string') return [...args.text(0)].length;
  return isJsonObject(value) ? Object.keys(args.object(0)).length : args.list(0).length;
}

function reversed(args: Arguments): Json {
  return typeof args.value(0) === 'string' ? [...args.text(0)].reverse().join('') : args.list(0).toReversed();
}

function merged(args: Arguments): Json {
  const result = newObject();
  for (let at = 0; at < args.count; at += 1)
    for (const [name, value] of Object.entries(args.object(at))) result[name] = value;
  return result;
}

function fromItems(args: Arguments): Json {
  const result = newObject();
  for (const pair of args.list(0)) {
    const [name, value] = isJsonArray(pair) && pair.length === 2 ? pair : [];
    if (typeof name !== 'string') throw new MappingFault('from_items() takes pairs of a string and a value');
    result[name] = value ?? null;
  }
  return result;
}

function grouped(args: Arguments): Json {
  const groups = new Map<string, Json[]>();
  const expression = args.expression(1);
  for (const item of args.list(0)) {
    const key = expression(item, args.machine);
    if (typeof key !== 'string') throw new MappingFault('group_by() takes an expression that is a string');
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  const result = newObject();
  for (const [key, group] of groups) result[key] = group;
  return result;
}

function toNumber(args: Arguments): Json {
  const value = args.value(0);
  if (isNumber(value)) return value;
  return typeof value === 'string' ? (numberOf(args.text(0)) ?? null) : null;
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, value) => total + value, 0);

/** Every function there is: those of the JMESPath specification, and of the community's additions the plain ones. */
export const FUNCTIONS: ReadonlyMap<string, MappingFunction> = new Map<string, MappingFunction>([
  ['abs', rounded(Math.abs)],
  [
    'avg',
    one((args) => {
      const numbers = args.numbers(0);
      return numbers.length === 0 ? null : finite(sum(numbers) / numbers.length);
    }),
  ],
  ['ceil', rounded(Math.ceil)],
  ['contains', two(contains)],
  ['ends_with', two((args) => args.text(0).endsWith(args.text(1)))],
  ['floor', rounded(Math.floor)],
  ['from_items', one(fromItems)],
  ['group_by', by(grouped)],
  ['items', one((args) => Object.entries(args.object(0)))],
  ['join', two((args) => joined(args.texts(1), args.text(0), args.machine))],
  ['keys', one((args) => Object.keys(args.object(0)))],
  ['length', one(lengthOf)],
  ['lower', one((args) => args.text(0).toLowerCase())],
  [
    'map',
    {
      takes: ['expression', 'value'],
      apply: (args) => {
        const expression = args.expression(0);
        return args.list(1).map((item) => expression(item, args.machine));
      },
    },
  ],
  ['max', furthestIn(1)],
  ['max_by', furthestBy(1)],
  ['merge', { takes: ['value'], variadic: true, apply: merged }],
  ['min', furthestIn(-1)],
  ['min_by', furthestBy(-1)],
  [
    'not_null',
    { takes: ['value'], variadic: true, apply: (args) => args.values().find((value) => value !== null) ?? null },
  ],
  [
    'replace',
    {
      takes: ['value', 'value', 'value'],
      // An empty text would be found between all characters.
      apply: (args) => {
        const wanted = args.text(1);
        return wanted === '' ? args.text(0) : joined(args.text(0).split(wanted), args.text(2), args.machine);
      },
    },
  ],
  ['reverse', one(reversed)],
  ['sort', one((args) => sorted(args.list(0), undefined, args.machine))],
  ['sort_by', by((args) => sorted(args.list(0), args.expression(1), args.machine))],
  [
    'split',
    two((args) => {
      const parts = args.text(0).split(args.text(1));
      charge(args.machine, parts.length);
      return parts;
    }),
  ],
  ['starts_with', two((args) => args.text(0).startsWith(args.text(1)))],
  ['sum', one((args) => finite(sum(args.numbers(0))))],
  ['to_array', one((args) => (isJsonArray(args.value(0)) ? args.value(0) : [args.value(0)]))],
  ['to_number', one(toNumber)],
  ['to_string', one((args) => textOf(args.value(0), args.machine))],
  ['trim', one((args) => args.text(0).trim())],
  ['type', one((args) => typeOf(args.value(0)))],
  ['upper', one((args) => args.text(0).toUpperCase())],
  ['values', one((args) => Object.values(args.object(0)))],
]);
