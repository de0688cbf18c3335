import type { ErrorDetail } from '../../kernel/errors.ts';
import { readPattern } from '../routing/pattern.ts';
import type { ApiDefinition, EndpointDefinition } from './definition.ts';

export function* endpointFaults({ endpoints = [], versions = [] }: ApiDefinition): Generator<ErrorDetail> {
  const known = new Set(versions.map(({ name }) => name));
  const ids = new Set<string>();
  /** Endpoints by what they ask of a request beside methods and versions. */
  const alike = new Map<string, EndpointDefinition[]>();
  for (const [index, endpoint] of endpoints.entries()) {
    const at = `endpoints.${index}`;
    const { id = '', methods = [] } = endpoint;
    if (ids.has(id)) yield { path: `${at}.id`, message: 'is the id of another endpoint' };
    ids.add(id);
    if (new Set(methods).size < methods.length)
      yield { path: `${at}.methods`, message: 'must not name a method twice' };
    for (const [place, name] of (endpoint.versions ?? []).entries()) {
      if (!known.has(name)) yield { path: `${at}.versions.${place}`, message: 'must be the name of a version' };
    }
    const pattern = readPattern(endpoint.path);
    if (typeof pattern === 'string') {
      yield { path: `${at}.path`, message: pattern };
      continue;
    }
    const key = likeness(endpoint, pattern.shape);
    const others = alike.get(key) ?? [];
    const twin = others.find((other) => meets(other.methods, methods) && meets(other.versions, endpoint.versions));
    if (twin) yield { path: at, message: `takes the same requests as the endpoint ${twin.id}` };
    alike.set(key, [...others, endpoint]);
  }
}

const likeness = ({ priority = 0, when = [] }: EndpointDefinition, shape: string): string =>
  JSON.stringify([shape, priority, when.map((entry) => JSON.stringify(Object.entries(entry).sort())).sort()]);

/** Whether two sets have a member in common. No set, or an empty one, stands for everything and meets only its like. */
function meets(a: readonly string[] | null | undefined, b: readonly string[] | null | undefined): boolean {
  if (!a?.length || !b?.length) return !a?.length && !b?.length;
  return a.some((item) => b.includes(item));
}
