/**
 * JSON bodies, read and written without losing digits. `JSON.parse` makes doubles of numbers, which silently changes
 * ids and amounts beyond 2^53; here a number that a double does not hold keeps its text (ECMAScript's `JSON.rawJSON`).
 */

/** A number of which the digits matter: its text, which `JSON.stringify` writes as it is. */
export interface ExactNumber {
  readonly rawJSON: string;
}

export type Json = null | boolean | number | string | ExactNumber | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [name: string]: Json;
}

type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown;

/** What V8 has and TypeScript's library does not declare yet (proposal-json-parse-with-source, stage 4). */
const sources = JSON as unknown as {
  parse(text: string, reviver: Reviver): Json;
  rawJSON(text: string): ExactNumber;
  isRawJSON(value: unknown): value is ExactNumber;
};

export const isExact = (value: unknown): value is ExactNumber =>
  typeof value === 'object' && value !== null && sources.isRawJSON(value);

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Every decimal number of so many significant digits survives a double (IEEE 754, DBL_DIG). */
const SAFE_DIGITS = 15;

/** The number that a text of JSON's grammar is: a double where that says the same, else its text; nothing for other texts. */
export function numberOf(text: string): number | ExactNumber | undefined {
  if (!NUMBER.test(text)) return undefined;
  const value = Number(text);
  const [mantissa = ''] = text.split(/[eE]/);
  const digits = mantissa.replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '');
  const held = Number.isFinite(value) && (value !== 0 || digits === '');
  return held && (digits.length <= SAFE_DIGITS || String(value) === text) ? value : sources.rawJSON(text);
}

/** Whether a text may have a number that a double does not hold: many digits, or an exponent of several. */
const SUSPECT = /[\d.]{16}|\d[eE][+-]?\d{2}/;

const keepDigits: Reviver = (_key, value, { source }) =>
  typeof value === 'number' && source !== undefined ? numberOf(source) : value;

/** @throws SyntaxError for text that is not JSON, RangeError for one nested deeper than the stack reaches */
export function parseJson(text: string): Json {
  const plain: Json = JSON.parse(text);
  return SUSPECT.test(text) ? sources.parse(text, keepDigits) : plain;
}

export class JsonTooLarge extends Error {}

/** Counts down what may still be made, in characters. @throws JsonTooLarge */
export interface Allowance {
  left: number;
}

function take(allowance: Allowance, characters: number): void {
  allowance.left -= characters;
  if (allowance.left < 0) throw new JsonTooLarge('the value is too large');
}

/**
 * Walks a value as it would be written, and stops where the allowance ends: what an expression has put together may hold
 * the same part many times over, which takes no memory until somebody writes it down.
 */
function measure(value: Json, allowance: Allowance): void {
  if (typeof value === 'string') take(allowance, value.length + 2);
  else if (typeof value !== 'object' || value === null || isExact(value)) take(allowance, 2);
  else if (Array.isArray(value)) {
    take(allowance, value.length + 2);
    for (const item of value) measure(item, allowance);
  } else {
    for (const [name, item] of Object.entries(value)) {
      take(allowance, name.length + 4);
      measure(item, allowance);
    }
  }
}

/** The text of a value. @throws JsonTooLarge when it is longer than the allowance, which it takes off otherwise */
export function writeJson(value: Json, allowance: Allowance): string {
  measure(value, { left: allowance.left });
  const text = JSON.stringify(value);
  take(allowance, text.length);
  return text;
}

export const isJsonObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isExact(value);

export const isJsonArray = (value: Json): value is readonly Json[] => Array.isArray(value);
