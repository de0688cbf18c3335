import { poolsOf, upstreamUrl } from './compile-pools.ts';
import type { ApiDefinition } from './definition.ts';
import type { PolicyFields } from './policy-shape.ts';

/** What a part of a definition is called that can have secrets of its own. */
export const PART = {
  api: 'api',
  version: ({ name }: { name: string }) => `version ${name}`,
  endpoint: ({ id }: { id?: string | undefined }) => `endpoint ${id}`,
};

interface Layer {
  part: string;
  fields: PolicyFields;
}

/**
 * Who is sent the secrets of each part: the base addresses of every pool that takes calls which carry them. As when a call
 * is routed, `credentials` and `split` are each taken as a whole, from the endpoint, else its version, else the API. A
 * pool of the weight 0 counts: to give it another is then no new place for a secret.
 */
export function audiencesOf(api: ApiDefinition): ReadonlyMap<string, ReadonlySet<string>> {
  const pools = poolsOf(api);
  const named = new Map<string, Set<string>>();
  for (const layers of callsOf(api)) {
    const holder = layers.find(({ fields }) => fields.credentials)?.part;
    if (holder === undefined) continue;
    const split = layers.find(({ fields }) => fields.split)?.fields.split;
    const names = split?.map(({ pool }) => pool) ?? [pools[0]?.name ?? ''];
    named.set(holder, new Set([...(named.get(holder) ?? []), ...names]));
  }
  const addresses = new Map(pools.map(({ name, upstreams }) => [name, upstreams.map(({ url }) => upstreamUrl(url))]));
  const addressesOf = (names: Iterable<string>) => [...names].flatMap((name) => addresses.get(name) ?? []);
  return new Map([...named].map(([part, names]) => [part, new Set(addressesOf(names))]));
}

/** The parts that say how a call is carried out, nearest first, for every way that a call can go. */
function* callsOf(api: ApiDefinition): Generator<Layer[]> {
  const whole: Layer = { part: PART.api, fields: api };
  const versions = (api.versions ?? []).map((fields) => ({ name: fields.name, part: PART.version(fields), fields }));
  for (const endpoint of api.endpoints?.length ? api.endpoints : [undefined]) {
    const own = endpoint ? [{ part: PART.endpoint(endpoint), fields: endpoint }] : [];
    const served = versions.filter(({ name }) => endpoint?.versions?.includes(name) ?? true);
    if (versions.length === 0) yield [...own, whole];
    for (const version of served) yield [...own, version, whole];
  }
}
