import { generateSync } from 'json-schema-faker';
import { tame } from './tame.ts';

/** FNV-1a (draft-eastlake-fnv), 32 bits: a number from a text, the same everywhere. */
export function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/**
 * Data as a JSON Schema describes them: the same ones for the same seed.
 * @param isFree whether examples and defaults inside the schema are passed over
 */
export function dataOf(schema: unknown, seed: number, isFree: boolean): unknown {
  const options = { seed, alwaysFakeOptionals: true, useExamplesValue: !isFree, useDefaultValue: !isFree };
  try {
    return numbered(generateSync(tame(schema), options));
  } catch {
    // The schema contradicts itself: there is no such value.
    return null;
  }
}

/** The members of a list are told apart by their ids, where these are whole numbers: 1, 2, 3. */
function numbered(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map((item, index) => {
      const inner = numbered(item);
      return isRecord(inner) && Number.isInteger(inner['id']) ? { ...inner, id: index + 1 } : inner;
    });
  }
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, numbered(item)]));
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
