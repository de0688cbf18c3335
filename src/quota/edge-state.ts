import ipaddr from 'ipaddr.js';
import type { EdgeKey, EdgeSnapshot, KeyQuery, KeyRefusal, KeyVerdict } from '../access/edge.ts';
import { parseAddress } from '../outbound/address.ts';

/** What the organization's object holds of it. */
export interface EdgeState {
  organizationId: string;
  version: number;
  deleted: boolean;
  /** By hash. */
  keys: ReadonlyMap<string, EdgeKey>;
}

export const stateOf = ({ keys, ...rest }: EdgeSnapshot): EdgeState => ({
  ...rest,
  keys: new Map(keys.map((key) => [key.hash, key])),
});

/** Whether the snapshot says something new. Publishers may be overtaken by one another. */
export const isNewer = (snapshot: EdgeSnapshot, state: EdgeState | undefined) =>
  state === undefined || snapshot.version > state.version;

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

/** Whether the key is good, and good for this request. */
export function identify(state: EdgeState | undefined, query: KeyQuery): KeyVerdict {
  const key = state?.deleted ? undefined : state?.keys.get(query.hash);
  if (!key) return { ok: false, refused: 'unknown' };
  const refused = refusalOf(key, query);
  if (refused) return { ok: false, refused };
  const { id, userId, environment, type, permissions } = key;
  const limited = [key.expiresAt, key.ipAllowlist, key.methods, key.endpoints].some((limit) => limit !== null);
  return { ok: true, key: { id, userId, environment, type, permissions, limited } };
}

function refusalOf(key: EdgeKey, { now, address, method, path }: KeyQuery): KeyRefusal | undefined {
  if (key.expiresAt !== null && key.expiresAt <= now.getTime()) return 'expired';
  if (key.ipAllowlist && !isInside(key.ipAllowlist, address)) return 'address';
  if (key.methods && !isAmong(key.methods, method)) return 'method';
  if (key.endpoints && !key.endpoints.some((pattern) => matchesPath(pattern, path))) return 'path';
  return undefined;
}

function isInside(blocks: readonly string[], text: string | undefined): boolean {
  const address = text === undefined ? undefined : parseAddress(text);
  if (!address) return false;
  return blocks.some((block) => {
    const network = ipaddr.parseCIDR(block);
    return network[0].kind() === address.kind() && address.match(network);
  });
}

/** HEAD is GET without the body (RFC 9110 §9.3.2), so who may GET may ask for that. */
const isAmong = (methods: readonly string[], method: string) =>
  methods.includes(method) || (method === 'HEAD' && methods.includes('GET'));

/** Segment by segment, so that the time is linear in the path whatever the pattern. */
function matchesPath(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const given = path.split('/');
  const open = wanted.at(-1) === '**';
  if (open) wanted.pop();
  if (open ? given.length < wanted.length : given.length !== wanted.length) return false;
  return wanted.every((segment, index) => (segment === '*' ? given[index] !== '' : segment === given[index]));
}
