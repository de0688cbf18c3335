import type { FieldChange } from '../compiled.ts';
import { knownTemplate } from '../transform/template.ts';

/**
 * Names whose values tell no two resources or callers apart: they are in every key (scheme, host, API and version), or are
 * another in each call (id and time of the request). An answer that depends on the latter is no other's, and a key with
 * them would never be found again; whoever caches such an endpoint says that its answers do not.
 */
const TELL_NOTHING: ReadonlySet<string> = new Set([
  'request.id',
  'request.scheme',
  'request.host',
  'api.slug',
  'api.version',
  'time.iso',
  'time.unix',
]);

const tellsApart = (template: string) =>
  knownTemplate(template).some((part) => typeof part !== 'string' && !TELL_NOTHING.has(part.name));

/**
 * Fields (lower case) by which the request transform may tell the upstream who calls or what is asked for. They belong to
 * the key: the upstream need not name in Vary what it believes to be a fact of its own resource.
 */
export function writtenFields(changes: readonly FieldChange[]): string[] {
  return changes.flatMap(({ do: verb, name, value }) => {
    if (verb === 'rename') return [value.toLowerCase()];
    return verb !== 'remove' && tellsApart(value) ? [name.toLowerCase()] : [];
  });
}
