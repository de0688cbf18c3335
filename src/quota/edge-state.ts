import type { EdgeKey, EdgeLimit, EdgePlan, EdgeSnapshot, KeyRefusal, KeyUse } from '../access/edge.ts';
import { includesMethod, matchesPath } from '../access/path-pattern.ts';
import { isInside } from '../outbound/address-block.ts';

/** What the organization's object holds of it. */
export interface EdgeState {
  organizationId: string;
  version: number;
  deleted: boolean;
  plan: EdgePlan;
  limits: readonly EdgeLimit[];
  /** By hash. */
  keys: ReadonlyMap<string, EdgeKey>;
  /** Version of the registered APIs that it holds; 0 while there are none. */
  gateway: number;
}

/** What a snapshot comes to. The APIs that are held stay until newer ones are sent along. */
export const stateOf = ({ keys, gateway, ...rest }: EdgeSnapshot, held = 0): EdgeState => ({
  ...rest,
  keys: new Map(keys.map((key) => [key.hash, key])),
  gateway: gatewayOf(rest, gateway, held),
});

/** With an organization its APIs go. */
function gatewayOf(
  { deleted, version }: Pick<EdgeSnapshot, 'deleted' | 'version'>,
  sent: EdgeSnapshot['gateway'],
  held: number,
): number {
  if (deleted) return version;
  return sent?.parts && sent.version > held ? sent.version : held;
}

/** Whether the snapshot says something new. Publishers may be overtaken by one another. */
export const isNewer = (snapshot: EdgeSnapshot, state: EdgeState | undefined) =>
  state === undefined ||
  snapshot.version > state.version ||
  (snapshot.version === state.version && bringsGateway(snapshot, state));

/** Whether registered APIs come along that are newer than those held. */
export const bringsGateway = ({ gateway }: EdgeSnapshot, state: EdgeState | undefined): boolean =>
  gateway?.parts != null && gateway.version > (state?.gateway ?? 0);

export interface KeyChanges {
  put: EdgeKey[];
  /** Hashes. */
  removed: string[];
}

/** What has to be written to get from one state to the next: a key's row costs money, and few of them change at a time. */
export function changesBetween(before: EdgeState | undefined, after: EdgeState): KeyChanges {
  const isKept = (key: EdgeKey) => JSON.stringify(before?.keys.get(key.hash)) === JSON.stringify(key);
  return {
    put: [...after.keys.values()].filter((key) => !isKept(key)),
    removed: [...(before?.keys.keys() ?? [])].filter((hash) => !after.keys.has(hash)),
  };
}

/** Whether anybody may do less than before, so that acting on what was so before would be wrong. */
export function takesAway(before: EdgeState | undefined, after: EdgeState): boolean {
  if (!before) return false;
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  const kept = [...before.keys].every(([hash, key]) => same(after.keys.get(hash), key));
  const { gateway } = before;
  return (
    !kept ||
    after.deleted ||
    after.gateway > gateway ||
    !same(before.plan, after.plan) ||
    !same(before.limits, after.limits)
  );
}

type Limits = Pick<EdgeKey, 'expiresAt' | 'ipAllowlist' | 'methods' | 'endpoints'>;

/** Whether a key is restricted beyond its permissions. */
export const isLimited = (key: Limits): boolean =>
  [key.expiresAt, key.ipAllowlist, key.methods, key.endpoints].some((limit) => limit !== null);

/** Why a key is not good for this request; nothing when it is. */
export function refusalOf(key: Limits, { address, method, path }: KeyUse, now: number): KeyRefusal | undefined {
  if (key.expiresAt !== null && key.expiresAt <= now) return 'expired';
  if (key.ipAllowlist && !isInside(key.ipAllowlist, address)) return 'address';
  if (key.methods && !includesMethod(key.methods, method)) return 'method';
  if (key.endpoints && !key.endpoints.some((pattern) => matchesPath(pattern, path))) return 'path';
  return undefined;
}
