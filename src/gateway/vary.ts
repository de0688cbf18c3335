import type { HeaderFields } from '../http/header-fields.ts';
import type { CompiledApi } from './compiled.ts';
import type { Place } from './place.ts';
import type { Routing } from './routing/router.ts';

/** Fields that say who asks. */
const CREDENTIAL_FIELDS = ['X-API-Key', 'Authorization'] as const;

/** `Vary` with more names, each once; an answer that varies by everything needs none (RFC 9110 §12.5.5). */
export function addVary(headers: HeaderFields, names: readonly string[]): void {
  if (names.length === 0) return;
  const present = headers.get('vary')?.toLowerCase().split(',') ?? [];
  const known = new Set(present.map((name) => name.trim()));
  if (known.has('*')) return;
  const more = [...new Set(names)].filter((name) => !known.has(name.toLowerCase()));
  if (more.length > 0) headers.append('vary', more.join(', '));
}

/** Fields by which a version or an endpoint of an API is chosen, whatever the request is for. */
export function selectingFields({ versioning: { by }, versions, endpoints }: CompiledApi): readonly string[] {
  const version = [...(by.includes('header') ? ['X-API-Version'] : []), ...(by.includes('accept') ? ['Accept'] : [])];
  const predicates = endpoints.flatMap(({ when }) => when.flatMap((test) => (test.in === 'header' ? test.name : [])));
  return [...(versions.length === 0 ? [] : version), ...new Set(predicates)];
}

interface Selected {
  place: Pick<Place, 'organization'>;
  routing: Routing | undefined;
}

/**
 * Fields of the request by which its answer was chosen here, before any upstream saw them: a cache between us and the
 * caller must not give it to a request that says otherwise in one of them (RFC 9111 §4.1).
 */
export function variesBy({ place, routing }: Selected, selectedBy: readonly string[]): string[] {
  const policy = routing?.kind === 'routed' ? routing.plan.policy : undefined;
  const cache = policy?.cache.mode === 'off' ? undefined : policy?.cache;
  const isOpen =
    place.organization.by === 'name' &&
    !(routing && 'api' in routing && routing.api.visibility !== 'public') &&
    !policy?.scopes.length &&
    !(cache && (cache.perCaller ?? cache.mode === 'ttl'));
  return [...selectedBy, ...(cache?.varyHeaders ?? []), ...(isOpen ? [] : CREDENTIAL_FIELDS)];
}
