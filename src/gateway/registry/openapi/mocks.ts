import { isBoundedJson, MAX_MOCKS, type PolicyFields } from '../policy-shape.ts';
import { at, isObject, type Json } from './pointer.ts';
import type { Reading } from './reading.ts';
import { expandSchema } from './schema.ts';

type Mock = NonNullable<PolicyFields['mock']>[number];

/** Characters of JSON: an API is at most 1 MB in all. */
const MAX_ALL = 600_000;
const MAX_ONE = 32_000;
const MAX_ALL_NODES = 100_000;

/** What the mock answers of a document may still take. */
export interface MockBudget {
  characters: number;
  nodes: number;
}

export const mockBudget = (): MockBudget => ({ characters: MAX_ALL, nodes: MAX_ALL_NODES });

/** The mock answers that the responses of an operation make: of each type one for each example, or one of its schema. */
export function mocksOf(reading: Reading, responses: Json, pointer: string, budget: MockBudget): Mock[] {
  const mocks: Mock[] = [];
  for (const [code, response] of Object.entries(responses)) {
    const status = statusOf(code, Object.keys(responses));
    if (status === undefined) continue;
    const found = reading.resolve(response, at(pointer, code));
    if (!found || !isObject(found.value)) {
      if (found) reading.fault(found.pointer, 'must be a response');
      continue;
    }
    for (const mock of answersOf(reading, found.value, { status, pointer: found.pointer, budget })) {
      if (mocks.length === MAX_MOCKS)
        reading.warn(pointer, `has more than ${MAX_MOCKS} examples; the rest was left out`);
      if (mocks.length >= MAX_MOCKS) return mocks;
      if (isAffordable(reading, mock, found.pointer, budget)) mocks.push(mock);
    }
  }
  return mocks;
}

/** `4XX` stands for 400; `default` says which errors there may be, unless it is all that is said. */
function statusOf(code: string, all: readonly string[]): number | undefined {
  if (code === 'default') return all.length === 1 ? 200 : undefined;
  const status = Number(code.replace(/xx$/i, '00'));
  return Number.isInteger(status) && status >= 200 && status <= 599 ? status : undefined;
}

interface Place {
  status: number;
  pointer: string;
  budget: MockBudget;
}

function* answersOf(reading: Reading, response: Json, { status, pointer, budget }: Place): Generator<Mock> {
  const { content } = response;
  const types = isObject(content) ? Object.entries(content) : [];
  if (types.length === 0) yield { status };
  for (const [content_type, media] of types) {
    const here = at(pointer, 'content', content_type);
    if (!isObject(media) || content_type.includes('*') || content_type.length > 200) continue;
    const mock = { status, content_type };
    const schema = schemaOf(reading, media, here, budget);
    const examples = [...examplesOf(reading, media, here)];
    if (examples.length === 0 && schema !== undefined) yield { ...mock, schema };
    for (const [index, example] of examples.entries()) {
      yield { ...mock, ...example, ...(index === 0 && schema !== undefined && { schema }) };
    }
  }
}

function schemaOf(reading: Reading, { schema }: Json, pointer: string, budget: MockBudget): unknown {
  if (schema === undefined || budget.nodes <= 0 || budget.characters <= 0) return undefined;
  const expanded = expandSchema(reading, schema, at(pointer, 'schema'));
  budget.nodes -= expanded.nodes;
  return expanded.schema;
}

function* examplesOf(reading: Reading, { example, examples }: Json, pointer: string): Generator<Partial<Mock>> {
  if (example !== undefined) yield { example };
  if (!isObject(examples)) return;
  for (const [name, entry] of Object.entries(examples).slice(0, MAX_MOCKS + 1)) {
    const found = reading.resolve(entry, at(pointer, 'examples', name));
    // `externalValue` is an address, and nothing is fetched.
    if (found && isObject(found.value) && found.value['value'] !== undefined) {
      yield { name: nameOf(name), example: found.value['value'] };
    }
  }
}

const nameOf = (name: string) =>
  name
    .replace(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 100) || 'example';

function isAffordable(reading: Reading, mock: Mock, pointer: string, budget: MockBudget): boolean {
  if (!isBoundedJson(mock.example)) {
    reading.warn(pointer, 'has an example of more than 16 levels, or of text that cannot be stored; it was left out');
    return false;
  }
  const { length } = JSON.stringify(mock);
  if (length > MAX_ONE) {
    reading.warn(pointer, 'has an example or schema of more than 32 KB; it was left out');
    return false;
  }
  if (budget.characters <= 0) return false;
  budget.characters -= length;
  if (budget.characters <= 0) {
    reading.warn(pointer, 'is where the mock answers became more than 600 KB; it and what follows was left out');
    return false;
  }
  return true;
}
