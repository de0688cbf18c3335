import type { FieldReader } from '../../http/header-fields.ts';
import { rfc3339, SECOND } from '../../kernel/clock.ts';
import type { Vocabulary } from '../../kernel/template.ts';
import { COMMON_FILTERS, type TemplateValue } from '../../kernel/template-filters.ts';
import { CREDENTIAL_FIELDS, isFieldName } from '../headers/fields.ts';
import { firstValueOf } from './query.ts';

/** What the templates of an API can name of a call. */
export interface CallFacts {
  requestId: string;
  method: string;
  scheme: 'http' | 'https';
  /** Host and, unless the default, port that the caller asked. */
  host: string;
  /** As the caller sent it, percent-encoded. */
  path: string;
  /** The query without its question mark, as the caller sent it. */
  search: string;
  /** As received. */
  headers: FieldReader;
  /** Of the endpoint's path, decoded. */
  params: ReadonlyMap<string, string>;
  /** The caller's, as the platform tells it. */
  address: string | undefined;
  caller: { keyId: string | null; organizationId: string | null; userId: string | null };
  api: { slug: string; version: string | null };
  now: Date;
}

type Read = (facts: CallFacts) => TemplateValue;

/** Every name without a part that the definition chooses. */
const NAMES: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['request.id', (facts) => facts.requestId],
  ['request.method', (facts) => facts.method],
  ['request.scheme', (facts) => facts.scheme],
  ['request.host', (facts) => facts.host],
  ['request.path', (facts) => facts.path],
  ['request.query', (facts) => facts.search],
  ['request.address', (facts) => facts.address ?? null],
  ['caller.key_id', (facts) => facts.caller.keyId],
  ['caller.organization_id', (facts) => facts.caller.organizationId],
  ['caller.user_id', (facts) => facts.caller.userId],
  ['api.slug', (facts) => facts.api.slug],
  ['api.version', (facts) => facts.api.version],
  ['time.iso', (facts) => rfc3339(facts.now)],
  ['time.unix', (facts) => Math.floor(facts.now.getTime() / SECOND)],
]);

const QUERY = 'request.query.';
const HEADER = 'request.header.';
const PARAMS = 'params.';

/** Names that carry a part of the definition's own choosing, for messages. */
const OPEN_NAMES: readonly string[] = [`${QUERY}<name>`, `${HEADER}<name>`, `${PARAMS}<name>`];

/** A credential never goes into a template: it would reach logs, caches and upstreams that `credentials` does not name. */
function isReadableHeader(name: string): boolean {
  return (
    isFieldName(name) && name === name.toLowerCase() && ![...CREDENTIAL_FIELDS, 'proxy-authorization'].includes(name)
  );
}

/** How the value of a name is had, or nothing for a name that there is not. */
export function readerOf(name: string): Read | undefined {
  if (name.startsWith(QUERY)) {
    const parameter = name.slice(QUERY.length);
    return parameter === '' ? undefined : (facts) => firstValueOf(facts.search, parameter) ?? null;
  }
  if (name.startsWith(HEADER)) {
    const field = name.slice(HEADER.length);
    return isReadableHeader(field) ? (facts) => facts.headers.get(field) : undefined;
  }
  if (name.startsWith(PARAMS)) {
    const parameter = name.slice(PARAMS.length);
    if (parameter === '') return undefined;
    return (facts) => facts.params.get(parameter) ?? null;
  }
  return NAMES.get(name);
}

/** The endpoint's parameter that a name stands for, or nothing. */
export const parameterOf = (name: string): string | undefined =>
  name.startsWith(PARAMS) ? name.slice(PARAMS.length) : undefined;

/** The words of an API's templates. */
export const VOCABULARY: Vocabulary = {
  keyOf: (name) => (readerOf(name) ? name : undefined),
  names: [...NAMES.keys(), ...OPEN_NAMES],
  filters: COMMON_FILTERS,
};
