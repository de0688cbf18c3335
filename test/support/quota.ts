import type { EdgeKey, EdgeSnapshot } from '../../src/access/edge.ts';
import { type AdmitAnswer, type AdmitRequest, type Drawer, PROTOCOL } from '../../src/quota/protocol.ts';

/** A key as it is published. */
export const edgeKey = (fields: Partial<EdgeKey> = {}): EdgeKey => ({
  ...{ id: 'key_1', hash: 'h1', userId: 'u1', environment: 'live', type: 'standard', permissions: ['read'] },
  ...{ expiresAt: null, ipAllowlist: null, endpoints: null, methods: null, rateLimitOverride: null },
  ...fields,
});

/** What is published of an organization. */
export const snapshotOf = (fields: Partial<EdgeSnapshot> = {}): EdgeSnapshot => ({
  ...{ organizationId: 'o1', version: 1, deleted: false, keys: [], limits: [] },
  plan: { name: 'free', unitsPerHour: null, leases: null },
  ...fields,
});

export const withKey = (hash: string): Drawer => ({ kind: 'key', hash });

/** One request to the organization's object, of one unit unless it says otherwise. */
export const admission = (drawer: Drawer, fields: Partial<AdmitRequest> = {}): AdmitRequest => ({
  ...{ protocol: PROTOCOL, operationId: crypto.randomUUID(), charge: { units: 1, tier: 0 }, drawer },
  ...{ use: { address: undefined, method: 'GET', path: '/' }, isolate: { id: 'i1', want: 0, reports: [], debts: [] } },
  ...fields,
});

interface Object {
  admit(requests: AdmitRequest[]): Promise<unknown>;
}

/** Asks about one request alone. The types of RPC make lists of tuples; what travels is what the object answered. */
export async function admitOne(object: Object, request: AdmitRequest): Promise<AdmitAnswer> {
  const [answer] = (await object.admit([request])) as AdmitAnswer[];
  if (!answer) throw new Error('the object did not answer');
  return answer;
}
