import { AppError, type ErrorDetail } from '../../kernel/errors.ts';
import type { Policy } from '../compiled.ts';
import { readPattern } from '../routing/pattern.ts';
import { endpointFaults } from './check-endpoints.ts';
import { poolFaults, poolNames } from './check-pools.ts';
import { compilePolicy } from './compile-policy.ts';
import type { ApiDefinition } from './definition.ts';
import type { PolicyFields } from './policy-shape.ts';

export interface CheckDeps {
  /** Whether an address may be an upstream's: what is wrong with it, or nothing. */
  urlFault(url: string): string | undefined;
  /** Slugs that stand for resources of our own. */
  reservedSlugs: ReadonlySet<string>;
  /**
   * What is wrong with the transformations and templates of a policy, by paths inside it (`request.headers.0.value`).
   * `parameters` are those of the endpoint's path; nothing where the policy is no endpoint's.
   */
  checkPolicy(policy: Partial<Policy>, parameters: readonly string[] | undefined): readonly ErrorDetail[];
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const MAX_FAULTS = 50;

/**
 * What a shape cannot state: that the parts of a definition go with each other.
 * @throws AppError `validation_failed` naming every field that does not
 */
export function checkDefinition(api: ApiDefinition, deps: CheckDeps): void {
  const faults = [...faultsOf(api, deps)].slice(0, MAX_FAULTS);
  if (faults.length > 0) throw new AppError('validation_failed', 'Request validation failed', { details: faults });
}

/** Faults of a part, named from the whole. */
const within = (path: string, faults: Iterable<ErrorDetail>): ErrorDetail[] =>
  [...faults].map((fault) => ({ ...fault, path: `${path}.${fault.path}` }));

function* faultsOf(api: ApiDefinition, deps: CheckDeps): Generator<ErrorDetail> {
  if (deps.reservedSlugs.has(api.slug)) yield { path: 'slug', message: 'is the name of a resource of our own' };
  if (UUID.test(api.slug)) yield { path: 'slug', message: 'must not look like an id' };
  yield* lifecycleFaults(api, api.versions?.map(({ name }) => name) ?? []);
  yield* poolFaults(api, deps.urlFault);
  yield* versionFaults(api);
  yield* corsFaults(api);
  yield* endpointFaults(api);
  const check = (fields: PolicyFields, parameters?: readonly string[]) => [
    ...policyFaults(fields, poolNames(api)),
    ...deps.checkPolicy(compilePolicy(fields), parameters),
  ];
  yield* check(api);
  for (const [index, version] of (api.versions ?? []).entries()) yield* within(`versions.${index}`, check(version));
  for (const [index, endpoint] of (api.endpoints ?? []).entries())
    yield* within(`endpoints.${index}`, check(endpoint, parametersOf(endpoint.path)));
}

function parametersOf(path: string): readonly string[] {
  const pattern = readPattern(path);
  return typeof pattern === 'string' ? [] : pattern.parameters;
}

type LifecycleFields = Pick<ApiDefinition, 'deprecated_at' | 'sunset_at' | 'successor'>;

/** RFC 8594 §3, RFC 9745 §4: the sunset must not be before the deprecation. */
function* lifecycleFaults(fields: LifecycleFields, successors: readonly string[]): Generator<ErrorDetail> {
  const { deprecated_at, sunset_at, successor } = fields;
  if (deprecated_at && sunset_at && Date.parse(sunset_at) < Date.parse(deprecated_at)) {
    yield { path: 'sunset_at', message: 'must not be before deprecated_at' };
  }
  if (successor && !successor.includes('://') && !successors.includes(successor)) {
    yield { path: 'successor', message: 'must be the name of another version, or an address' };
  }
}

function* versionFaults({ versions = [], versioning }: ApiDefinition): Generator<ErrorDetail> {
  const names = versions.map(({ name }) => name);
  for (const [index, version] of versions.entries()) {
    const { name } = version;
    const path = `versions.${index}`;
    if (names.indexOf(name) < index) yield { path: `${path}.name`, message: 'is the name of another version' };
    const others = names.filter((other) => other !== name);
    yield* within(path, lifecycleFaults(version, others));
  }
  if (!versioning) return;
  const { by = [], default: byDefault } = versioning;
  if (versions.length === 0) yield { path: 'versioning', message: 'is only for an API with versions' };
  else if (byDefault && !names.includes(byDefault)) {
    yield { path: 'versioning.default', message: 'must be the name of a version' };
  }
  if (new Set(by).size < by.length) yield { path: 'versioning.by', message: 'must not name a place twice' };
}

function* corsFaults({ cors }: ApiDefinition): Generator<ErrorDetail> {
  if (!cors) return;
  for (const [index, origin] of cors.origins.entries()) {
    if (origin === '*' && cors.origins.length > 1) yield { path: 'cors.origins', message: 'must have "*" alone' };
    else if (origin !== '*' && URL.parse(origin)?.origin !== origin) {
      yield { path: `cors.origins.${index}`, message: 'must be an origin as browsers send it' };
    }
  }
  if (cors.credentials && cors.origins.includes('*')) {
    yield {
      path: 'cors.credentials',
      message: 'must not go with the origin "*" (Fetch, CORS protocol and credentials)',
    };
  }
}

function* policyFaults(fields: PolicyFields, pools: readonly string[]): Generator<ErrorDetail> {
  const { split = [], cache, credentials, response } = fields;
  for (const [index, { pool }] of split.entries()) {
    const path = `split.${index}.pool`;
    if (!pools.includes(pool)) yield { path, message: 'must be the name of a pool' };
    if (split.findIndex((entry) => entry.pool === pool) < index) yield { path, message: 'is named twice' };
  }
  if (split.length > 0 && split.every(({ weight }) => weight === 0)) {
    yield { path: 'split', message: 'must have a weight above 0' };
  }
  if (cache && (cache.mode === 'ttl') !== (cache.ttl_seconds !== undefined)) {
    yield { path: 'cache.ttl_seconds', message: 'is needed for the mode ttl, and for no other' };
  }
  const places = (credentials?.inject ?? []).map(({ in: place, name }) => `${place} ${name.toLowerCase()}`);
  for (const [index, place] of places.entries()) {
    if (places.indexOf(place) < index) {
      yield { path: `credentials.inject.${index}.name`, message: 'is injected twice' };
    }
  }
  const mapped = (response?.status ?? []).map(({ from }) => from);
  for (const [index, from] of mapped.entries()) {
    if (mapped.indexOf(from) < index) yield { path: `response.status.${index}.from`, message: 'is mapped twice' };
  }
}
