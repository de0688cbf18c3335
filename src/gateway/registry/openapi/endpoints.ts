import * as z from 'zod';
import { HTTP_METHODS } from '../../../access/path-pattern.ts';
import { readPattern } from '../../routing/pattern.ts';
import { type EndpointDefinition, endpointDefinition } from '../definition.ts';
import { scope } from '../policy-shape.ts';
import { type MockBudget, mockBudget, mocksOf } from './mocks.ts';
import { at, isObject, type Json } from './pointer.ts';
import type { Reading } from './reading.ts';
import { scopesOf, security } from './security.ts';

const { id, path, versions, when, priority, cost } = endpointDefinition.shape;

/** What OpenAPI has no words for, under `x-weir-endpoint` of an operation that we have exported. */
const ownWords = z.strictObject({
  id,
  path: path.optional(),
  /** The endpoint takes also those methods of which there is no operation. */
  every_method: z.literal(true).optional(),
  versions,
  when,
  priority,
});

/** An endpoint that takes the same path and method as its operation, but of other versions or by other predicates. */
const alternative = z.strictObject(endpointDefinition.shape);

const operation = z.looseObject({
  operationId: z.string().optional(),
  summary: z.string().optional(),
  description: z.string().optional(),
  deprecated: z.boolean().optional(),
  security: security.optional(),
  responses: z.record(z.string(), z.unknown()).optional(),
  'x-weir-cost': cost,
  'x-weir-scopes': z.array(scope).optional(),
  'x-weir-endpoint': ownWords.optional(),
  'x-weir-alternatives': z.array(alternative).max(100).optional(),
});

type OpenApiOperation = z.output<typeof operation>;

type Method = (typeof HTTP_METHODS)[number];

/** An endpoint, and where the document speaks of it. */
export interface Source {
  endpoint: EndpointDefinition;
  pointer: string;
}

interface Place {
  pointer: string;
  key: string;
  method: Method;
  budget: MockBudget;
}

/** Of each operation an endpoint, in the document's order. What one endpoint was exported as becomes one again. */
export function endpointsOf(reading: Reading): Source[] {
  const { paths } = reading.root;
  if (paths === undefined || !isObject(paths)) {
    reading.fault('/paths', 'must be an object of paths');
    return [];
  }
  const sources: Source[] = [];
  const budget = mockBudget();
  for (const [key, item] of Object.entries(paths)) {
    if (!key.startsWith('/')) {
      if (!key.startsWith('x-')) reading.fault(at('/paths', key), 'must begin with a slash');
      continue;
    }
    const found = reading.resolve(item, at('/paths', key));
    if (found && !isObject(found.value)) reading.fault(found.pointer, 'must be a path item');
    if (found && isObject(found.value))
      readItem(reading, found.value, { pointer: found.pointer, key, budget }, sources);
  }
  reading.refuse();
  if (sources.length === 0) {
    reading.fault('/paths', 'must have operations: an API without endpoints forwards everything');
  }
  refuseTwins(reading, sources);
  return sources;
}

function readItem(reading: Reading, item: Json, place: Omit<Place, 'method'>, sources: Source[]) {
  if (item['trace'] !== undefined) reading.warn(at(place.pointer, 'trace'), 'was left out: TRACE is never forwarded');
  for (const method of HTTP_METHODS) {
    const name = method.toLowerCase();
    if (item[name] === undefined) continue;
    const pointer = at(place.pointer, name);
    const read = reading.shaped(operation, item[name], pointer);
    if (read) addOperation(reading, read, { ...place, pointer, method }, sources);
  }
}

function addOperation(reading: Reading, read: OpenApiOperation, place: Place, sources: Source[]) {
  const words = read['x-weir-endpoint'];
  const path = pathOf(place.key, words?.path);
  const rest = sources.find(
    ({ endpoint }) => words?.id !== undefined && endpoint.id === words.id && endpoint.path === path,
  );
  if (rest) rest.endpoint = alsoTaking(rest.endpoint, place.method);
  else sources.push({ pointer: place.pointer, endpoint: endpointOf(reading, read, place, path) });
  for (const [index, endpoint] of (read['x-weir-alternatives'] ?? []).entries()) {
    sources.push({ pointer: at(place.pointer, 'x-weir-alternatives', index), endpoint });
  }
}

/** An endpoint for every method stays one. */
const alsoTaking = ({ methods, ...endpoint }: EndpointDefinition, method: Method): EndpointDefinition =>
  methods ? { ...endpoint, methods: [...methods, method] } : endpoint;

const MAX_DESCRIPTION = 2_000;

function endpointOf(reading: Reading, read: OpenApiOperation, place: Place, path: string): EndpointDefinition {
  const { method, pointer, budget } = place;
  const { every_method, path: _, ...words } = read['x-weir-endpoint'] ?? {};
  const id = words.id ?? identifierOf(read.operationId);
  const description = (read.description || read.summary)?.replaceAll('\0', '').toWellFormed();
  const scopes = read['x-weir-scopes'] ?? scopesOf(reading, read.security, pointer);
  const mock = mocksOf(reading, read.responses ?? {}, at(pointer, 'responses'), budget);
  return {
    ...(id !== undefined && { id }),
    ...(!every_method && { methods: [method] }),
    path,
    ...Object.fromEntries(Object.entries(words).filter(([name]) => name !== 'id')),
    ...(description && { description: [...description].slice(0, MAX_DESCRIPTION).join('') }),
    ...(read.deprecated && { deprecated: true }),
    ...(read['x-weir-cost'] !== undefined && { cost: read['x-weir-cost'] }),
    ...(scopes && { scopes }),
    ...(mock.length > 0 && { mock }),
  };
}

const identifierOf = (operationId: string | undefined): string | undefined =>
  operationId
    ?.replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[._-]+/, '')
    .slice(0, 64) || undefined;

/** Names of parameters may have more kinds of characters in OpenAPI than here, where they are names in templates too. */
function pathOf(key: string, written: string | undefined): string {
  const own = key.replace(/\{([^{}]+)\}/g, (_, name: string) => {
    const plain = name
      .replace(/[^A-Za-z0-9_*-]/g, '_')
      .replace(/\*(?!$)/g, '_')
      .replace(/^([^A-Za-z_])/, '_$1');
    return `{${plain.slice(0, 64)}}`;
  });
  if (written === undefined) return own;
  // Whoever has changed the path in the document means that one.
  return shapeOf(written) === shapeOf(own) ? written : own;
}

/** The same text for paths that one key of `paths` can stand for. */
export function shapeOf(path: string): string {
  const pattern = readPattern(path);
  return typeof pattern === 'string' ? path : pattern.shape.replace('{*}', '{}');
}

/** `operationId` is unique (OpenAPI 3.1 §4.8.10.1). Ids that are the same only as we spell them make way. */
function refuseTwins({ fault }: Reading, sources: readonly Source[]) {
  const taken = new Map<string, Source>();
  for (const source of sources) {
    const { id } = source.endpoint;
    if (id === undefined) continue;
    if (taken.has(id)) fault(source.pointer, `has the id ${id}, as has another operation`);
    taken.set(id, source);
  }
}
