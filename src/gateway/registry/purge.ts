import { invalidField } from '../../kernel/errors.ts';
import type { Purge } from '../cache/index.ts';
import type { ApiDefinition } from './definition.ts';

interface Sent {
  all?: boolean | undefined;
  endpoints?: readonly string[] | undefined;
  tags?: readonly string[] | undefined;
}

/**
 * What is to be purged, as it was sent.
 * @throws AppError `validation_failed` when nothing is named, or something that is not in the definition
 */
export function readPurge(api: ApiDefinition, { all = false, endpoints = [], tags = [] }: Sent): Purge {
  if (!all && endpoints.length === 0 && tags.length === 0) {
    throw invalidField('all', 'must be true unless endpoints or tags are named');
  }
  const ids = new Set(api.endpoints?.map(({ id }) => id));
  for (const [index, id] of endpoints.entries()) {
    if (!ids.has(id)) throw invalidField(`endpoints.${index}`, 'must be the id of an endpoint');
  }
  const known = tagsOf(api);
  for (const [index, tag] of tags.entries()) {
    if (!known.has(tag)) throw invalidField(`tags.${index}`, 'must be a tag that the definition gives to something');
  }
  return all ? { all } : { endpoints, tags };
}

function tagsOf({ cache, versions = [], endpoints = [] }: ApiDefinition): ReadonlySet<string> {
  const parts = [{ cache }, ...versions, ...endpoints];
  return new Set(parts.flatMap((part) => part.cache?.tags ?? []));
}
