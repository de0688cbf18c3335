import { env } from 'cloudflare:workers';
import type { Role } from '../../src/access/permissions.ts';
import { configOf } from '../../src/env.ts';
import { insertLink } from '../../src/identity/agents/store.ts';
import { signWalletToken } from '../../src/identity/wallets/tokens.ts';
import { newId, newUuid } from '../../src/kernel/id.ts';
import { replays } from '../../src/triggers/replays/table.ts';
import { call, expectOk, newAction, newCondition, newTrigger, type Person, signUp } from '../support/api.ts';
import { database } from '../support/database.ts';
import { insertDelivery } from '../triggers/deliveries/owned.ts';

/** An organization with one of everything, people in every role, keys, and a stranger with the like. */
export interface World {
  organizationId: string;
  owner: Person;
  members: Record<Exclude<Role, 'owner'>, Person>;
  stranger: Person;
  triggerId: string;
  conditionId: number;
  actionId: number;
  /** One that has failed. */
  deliveryId: string;
  /** Of a trigger without deliveries; it runs until somebody carries it on. */
  replayId: string;
  keyId: string;
  limitId: string;
  apiId: string;
  domainId: string;
  /** All that an admin may. */
  adminKey: string;
  /** `events:read` and nothing else. */
  eventsKey: string;
  revokedKey: string;
  /** `triggers:read` and nothing else. */
  triggersKey: string;
  /** All that an admin may, in the stranger's organization. */
  strangerKey: string;
  /** Of a wallet whose agent is linked to the stranger's organization. */
  strangerWallet: string;
}

interface Made<T> {
  data: T;
}

const RATE_LIMITS = '/api/v1/rate-limits';
const LIMIT = { name: 'plenty', scope: 'organization', limit: 1_000_000, window: 'second' };

const APIS = '/api/v1/apis';
const API = { name: 'Orders', visibility: 'keyed', upstreams: [{ url: 'https://example.com/base' }] };

const DOMAINS = '/api/v1/domains';

const DOCUMENT = {
  ...{ openapi: '3.1.0', info: { title: 'Imported' }, servers: [{ url: 'https://example.com/base' }] },
  paths: { '/orders': { get: { operationId: 'orders' } } },
};

const REST = { method: 'POST', url: 'https://example.com/' };

async function newKey(person: Person, organizationId: string, fields: object) {
  const body = { name: 'Key', environment: 'live', ...fields };
  const path = `/api/v1/api-keys?organization_id=${organizationId}`;
  const { data } = await expectOk<Made<{ id: string; key: string }>>(
    201,
    call('POST', path, { token: person.token, body }),
  );
  return data;
}

/** The token of a wallet with an active link to the organization. */
async function newWalletToken(person: Person, organizationId: string): Promise<string> {
  const now = new Date();
  const address = `0x${'34'.repeat(20)}`;
  const linkId = newId('link');
  await insertLink(database().query, {
    ...{ id: linkId, organizationId, chainId: 31_337, agentId: String(now.getTime()), walletAddress: address },
    ...{ status: 'active', provenBlock: 1, createdBy: person.id, createdAt: now },
    ...{ staleEventId: null, revokedAt: null, revokedReason: null },
  });
  const config = configOf(env);
  const settings = { secret: config.jwtSecret, issuer: config.baseUrl };
  return signWalletToken(settings, { kind: 'wallet', address, organizationId, linkId, userId: person.id }, now);
}

async function newLimit(person: Person, organization_id: string): Promise<string> {
  const body = { ...LIMIT, organization_id };
  const made = await expectOk<Made<{ id: string }>>(201, call('POST', RATE_LIMITS, { token: person.token, body }));
  return made.data.id;
}

/** With a version and an endpoint. */
async function newApi(person: Person, organization_id: string): Promise<string> {
  const parts = { versions: [{ name: 'v1' }], endpoints: [{ id: 'list', path: '/orders' }] };
  const body = { ...API, ...parts, slug: 'world-orders', organization_id };
  const made = await expectOk<Made<{ id: string }>>(201, call('POST', APIS, { token: person.token, body }));
  return made.data.id;
}

async function newDomain(person: Person, organization_id: string): Promise<string> {
  const body = { host: 'api.world.example', organization_id };
  const made = await expectOk<Made<{ id: string }>>(201, call('POST', DOMAINS, { token: person.token, body }));
  return made.data.id;
}

/** A running replay, without anybody being told of it. */
export async function newReplay(organizationId: string, triggerId: string): Promise<string> {
  const [id, now] = [newUuid(), new Date()];
  await database()
    .query.insert(replays)
    .values({
      ...{ id, organizationId, triggerId, status: 'running', wanted: 'failed', total: 0 },
      ...{ from: now, to: now, createdAt: now, steppedAt: now },
    });
  return id;
}

const FOLLOWED = 77;

const followOf = (chain_id: number, organization_id: string) => ({
  ...{ chain_id, organization_id },
  actions: [{ action_type: 'rest', config: REST }],
});

const ADMIN = { key_type: 'admin', permissions: ['read', 'write', 'admin'] };

export async function buildWorld(): Promise<World> {
  const [owner, viewer, member, admin, stranger] = [
    await signUp(),
    await signUp(),
    await signUp(),
    await signUp(),
    await signUp(),
  ];
  const slug = `world-${crypto.randomUUID().slice(0, 8)}`;
  const made = await expectOk<Made<{ id: string }>>(
    201,
    call('POST', '/api/v1/organizations', { token: owner.token, body: { name: 'World', slug } }),
  );
  const organizationId = made.data.id;
  for (const [role, person] of Object.entries({ viewer, member, admin })) {
    const body = { user_id: person.id, role };
    await expectOk(201, call('POST', `/api/v1/organizations/${organizationId}/members`, { token: owner.token, body }));
  }
  const triggerId = await newTrigger(owner, { organization_id: organizationId });
  const conditionId = await newCondition(owner, triggerId);
  const action = await newAction(owner, triggerId, REST);
  const delivery = await insertDelivery({ organizationId, triggerId, actionId: action.id });
  const quiet = await newTrigger(owner, { organization_id: organizationId });
  const followed = followOf(1, organizationId);
  await expectOk(201, call('POST', `/api/v1/agents/${FOLLOWED}/follow`, { token: owner.token, body: followed }));
  const adminKey = await newKey(owner, organizationId, ADMIN);
  const eventsKey = await newKey(owner, organizationId, { key_type: 'restricted', permissions: ['events:read'] });
  const triggersKey = await newKey(owner, organizationId, { key_type: 'restricted', permissions: ['triggers:read'] });
  const revoked = await newKey(owner, organizationId, ADMIN);
  await expectOk(200, call('DELETE', `/api/v1/api-keys/${revoked.id}`, { token: owner.token }));
  const strangerKey = await newKey(stranger, stranger.personalOrganizationId, ADMIN);
  return {
    organizationId,
    owner,
    members: { viewer, member, admin },
    stranger,
    triggerId,
    conditionId,
    actionId: action.id,
    deliveryId: delivery.id,
    replayId: await newReplay(organizationId, quiet),
    keyId: adminKey.id,
    limitId: await newLimit(owner, organizationId),
    apiId: await newApi(owner, organizationId),
    domainId: await newDomain(owner, organizationId),
    adminKey: adminKey.key,
    eventsKey: eventsKey.key,
    revokedKey: revoked.key,
    triggersKey: triggersKey.key,
    strangerKey: strangerKey.key,
    strangerWallet: await newWalletToken(stranger, stranger.personalOrganizationId),
  };
}

interface WorldRequest {
  path: string;
  body?: object;
  headers?: Record<string, string>;
}

const WALLET = `0x${'12'.repeat(20)}`;

const ofTrigger = ({ triggerId }: World) => `/api/v1/triggers/${triggerId}`;
const ofApi = ({ apiId }: World) => `${APIS}/${apiId}`;
const ofOrganization = ({ organizationId }: World) => `/api/v1/organizations/${organizationId}`;
const ofFollow = ({ organizationId }: World) => `/api/v1/agents/${FOLLOWED}/follow?organization_id=${organizationId}`;
const MINTED = { condition_type: 'event', field: 'event_type', operator: 'equals', value: 'Registered' };

const agent = ({ organizationId }: World) => ({
  agent_id: 7,
  chain_id: 31_337,
  organization_id: organizationId,
  wallet_address: WALLET,
});

/** The API key operations at one of the two addresses of the resource. */
const keyRequests = (base: string, suffix: string): Record<string, (world: World) => WorldRequest> => ({
  [`createApiKey${suffix}`]: (w) => ({
    path: `${base}?organization_id=${w.organizationId}`,
    body: { name: 'Key', environment: 'live', key_type: 'standard', permissions: ['read'] },
  }),
  [`listApiKeys${suffix}`]: (w) => ({ path: `${base}?organization_id=${w.organizationId}` }),
  [`getApiKey${suffix}`]: (w) => ({ path: `${base}/${w.keyId}` }),
  [`revokeApiKey${suffix}`]: (w) => ({ path: `${base}/${w.keyId}`, body: { reason: 'none' } }),
  [`rotateApiKey${suffix}`]: (w) => ({ path: `${base}/${w.keyId}/rotate`, body: {} }),
});

/** What asks for a WebSocket (RFC 6455 §4.1). */
const HANDSHAKE = { Connection: 'Upgrade', Upgrade: 'websocket' };

/** A well-formed request for every operation that needs a credential, about the world's organization. */
export const REQUESTS: Record<string, (world: World) => WorldRequest> = {
  changePassword: () => ({
    path: '/api/v1/auth/password',
    body: { current_password: 'correct horse battery', new_password: 'another good password' },
  }),
  logout: () => ({ path: '/api/v1/auth/logout' }),
  listSessions: () => ({ path: '/api/v1/auth/sessions' }),
  revokeSession: () => ({ path: `/api/v1/auth/sessions/${crypto.randomUUID()}` }),
  revokeOtherSessions: () => ({ path: '/api/v1/auth/sessions' }),
  createOrganization: () => ({ path: '/api/v1/organizations', body: { name: 'A', slug: `a-${crypto.randomUUID()}` } }),
  listOrganizations: () => ({ path: '/api/v1/organizations' }),
  getOrganization: (w) => ({ path: ofOrganization(w) }),
  updateOrganization: (w) => ({ path: ofOrganization(w), body: { name: 'New name' } }),
  deleteOrganization: (w) => ({ path: ofOrganization(w) }),
  transferOrganization: (w) => ({ path: `${ofOrganization(w)}/transfer`, body: { new_owner_id: w.members.admin.id } }),
  addMember: (w) => ({ path: `${ofOrganization(w)}/members`, body: { user_id: w.stranger.id, role: 'viewer' } }),
  listMembers: (w) => ({ path: `${ofOrganization(w)}/members` }),
  updateMember: (w) => ({ path: `${ofOrganization(w)}/members/${w.members.viewer.id}`, body: { role: 'member' } }),
  removeMember: (w) => ({ path: `${ofOrganization(w)}/members/${w.members.admin.id}` }),
  createTrigger: (w) => ({
    path: '/api/v1/triggers',
    body: { name: 'T', chain_id: 1, registry: 'identity', organization_id: w.organizationId },
  }),
  listTriggers: (w) => ({ path: `/api/v1/triggers?organization_id=${w.organizationId}` }),
  getTrigger: (w) => ({ path: ofTrigger(w) }),
  updateTrigger: (w) => ({ path: ofTrigger(w), body: { name: 'New name' } }),
  deleteTrigger: (w) => ({ path: ofTrigger(w) }),
  testTrigger: (w) => ({ path: `${ofTrigger(w)}/test`, body: { event: { event_type: 'Registered', agent_id: 7 } } }),
  backtestTrigger: (w) => ({ path: `${ofTrigger(w)}/backtest`, body: { from_block: 0 } }),
  streamBacktest: (w) => ({ path: `${ofTrigger(w)}/backtest/stream`, body: { from_block: 0 } }),
  createCondition: (w) => ({ path: `${ofTrigger(w)}/conditions`, body: MINTED }),
  listConditions: (w) => ({ path: `${ofTrigger(w)}/conditions` }),
  updateCondition: (w) => ({ path: `${ofTrigger(w)}/conditions/${w.conditionId}`, body: { value: 'Transfer' } }),
  deleteCondition: (w) => ({ path: `${ofTrigger(w)}/conditions/${w.conditionId}` }),
  createAction: (w) => ({ path: `${ofTrigger(w)}/actions`, body: { action_type: 'rest', config: REST } }),
  listActions: (w) => ({ path: `${ofTrigger(w)}/actions` }),
  updateAction: (w) => ({ path: `${ofTrigger(w)}/actions/${w.actionId}`, body: { priority: 3 } }),
  deleteAction: (w) => ({ path: `${ofTrigger(w)}/actions/${w.actionId}` }),
  getActionCircuit: (w) => ({ path: `${ofTrigger(w)}/actions/${w.actionId}/circuit` }),
  resetActionCircuit: (w) => ({ path: `${ofTrigger(w)}/actions/${w.actionId}/circuit/reset` }),
  listDeliveries: (w) => ({ path: `${ofTrigger(w)}/deliveries` }),
  listOwnDeliveries: (w) => ({ path: `/api/v1/deliveries?organization_id=${w.organizationId}` }),
  getDelivery: (w) => ({ path: `/api/v1/deliveries/${w.deliveryId}` }),
  retryDelivery: (w) => ({ path: `/api/v1/deliveries/${w.deliveryId}/retry` }),
  createReplay: (w) => ({
    path: `${ofTrigger(w)}/deliveries/replay`,
    body: { from: new Date(Date.now() - 60_000).toISOString(), to: new Date().toISOString() },
  }),
  getReplay: (w) => ({ path: `/api/v1/replays/${w.replayId}` }),
  cancelReplay: (w) => ({ path: `/api/v1/replays/${w.replayId}` }),
  followAgent: (w) => ({ path: '/api/v1/agents/78/follow', body: followOf(1, w.organizationId) }),
  listFollows: (w) => ({ path: `/api/v1/agents/following?organization_id=${w.organizationId}` }),
  getFollow: (w) => ({ path: ofFollow(w) }),
  updateFollow: (w) => ({ path: ofFollow(w), body: { enabled: false } }),
  unfollowAgent: (w) => ({ path: ofFollow(w) }),
  listEvents: () => ({ path: '/api/v1/events' }),
  streamEvents: () => ({ path: '/api/v1/events/stream' }),
  ...keyRequests('/api/v1/api-keys', ''),
  ...keyRequests('/api/v1/keys', 'Short'),
  createRateLimit: (w) => ({
    path: RATE_LIMITS,
    body: { ...LIMIT, name: 'Another', organization_id: w.organizationId },
  }),
  createWebSocketTicket: (w) => ({ path: '/api/v1/ws/tickets', body: { organization_id: w.organizationId } }),
  publishMessage: (w) => ({
    path: '/api/v1/channels/orders/messages',
    body: { organization_id: w.organizationId, data: { n: 1 } },
  }),
  getWebSocketStatus: () => ({ path: '/ws/status' }),
  listServices: (w) => ({ path: `/api/v1/services?organization_id=${w.organizationId}` }),
  openOwnSocket: (w) => ({ path: `/ws/auth?organization_id=${w.organizationId}`, headers: HANDSHAKE }),
  openSocket: (w) => ({ path: `/ws/c1?organization_id=${w.organizationId}`, headers: HANDSHAKE }),
  listRateLimits: (w) => ({ path: `${RATE_LIMITS}?organization_id=${w.organizationId}` }),
  getRateLimit: (w) => ({ path: `${RATE_LIMITS}/${w.limitId}` }),
  updateRateLimit: (w) => ({ path: `${RATE_LIMITS}/${w.limitId}`, body: { limit: 2_000_000 } }),
  deleteRateLimit: (w) => ({ path: `${RATE_LIMITS}/${w.limitId}` }),
  createApi: (w) => ({ path: APIS, body: { ...API, slug: 'another', organization_id: w.organizationId } }),
  listApis: (w) => ({ path: `${APIS}?organization_id=${w.organizationId}` }),
  getApi: (w) => ({ path: ofApi(w) }),
  putApi: (w) => ({ path: `${APIS}/put-orders?organization_id=${w.organizationId}`, body: API }),
  deleteApi: (w) => ({ path: ofApi(w) }),
  importApi: (w) => ({ path: `${APIS}/import`, body: { document: DOCUMENT, organization_id: w.organizationId } }),
  importApiEndpoints: (w) => ({ path: `${ofApi(w)}/import`, body: { document: DOCUMENT } }),
  exportApi: (w) => ({ path: `${ofApi(w)}/openapi.json` }),
  exportApiYaml: (w) => ({ path: `${ofApi(w)}/openapi.yaml` }),
  purgeApi: (w) => ({ path: `${ofApi(w)}/purge`, body: { all: true } }),
  listApiVersions: (w) => ({ path: `${ofApi(w)}/versions` }),
  createApiVersion: (w) => ({ path: `${ofApi(w)}/versions`, body: { name: 'v2' } }),
  getApiVersion: (w) => ({ path: `${ofApi(w)}/versions/v1` }),
  updateApiVersion: (w) => ({ path: `${ofApi(w)}/versions/v1`, body: { status: 'deprecated' } }),
  deleteApiVersion: (w) => ({ path: `${ofApi(w)}/versions/v1` }),
  listApiEndpoints: (w) => ({ path: `${ofApi(w)}/endpoints` }),
  createApiEndpoint: (w) => ({ path: `${ofApi(w)}/endpoints`, body: { path: '/users' } }),
  getApiEndpoint: (w) => ({ path: `${ofApi(w)}/endpoints/list` }),
  updateApiEndpoint: (w) => ({ path: `${ofApi(w)}/endpoints/list`, body: { path: '/orders', cost: 2 } }),
  deleteApiEndpoint: (w) => ({ path: `${ofApi(w)}/endpoints/list` }),
  getApiChangelog: (w) => ({ path: `${ofApi(w)}/changelog` }),
  listApiRevisions: (w) => ({ path: `${ofApi(w)}/revisions` }),
  getApiRevision: (w) => ({ path: `${ofApi(w)}/revisions/1` }),
  diffApiRevisions: (w) => ({ path: `${ofApi(w)}/diff?from=1` }),
  rollBackApi: (w) => ({ path: `${ofApi(w)}/rollback`, body: { revision: 1 } }),
  listUpstreamHosts: (w) => ({ path: `/api/v1/upstream-hosts?organization_id=${w.organizationId}` }),
  verifyUpstreamHost: (w) => ({
    path: `/api/v1/upstream-hosts/example.com/verify?organization_id=${w.organizationId}`,
  }),
  createDomain: (w) => ({ path: DOMAINS, body: { host: 'another.world.example', organization_id: w.organizationId } }),
  listDomains: (w) => ({ path: `${DOMAINS}?organization_id=${w.organizationId}` }),
  getDomain: (w) => ({ path: `${DOMAINS}/${w.domainId}` }),
  updateDomain: (w) => ({ path: `${DOMAINS}/${w.domainId}`, body: { branding: { display_name: 'World' } } }),
  deleteDomain: (w) => ({ path: `${DOMAINS}/${w.domainId}` }),
  verifyDomain: (w) => ({ path: `${DOMAINS}/${w.domainId}/verify` }),
  challengeAgent: (w) => ({ path: '/api/v1/agents/challenge', body: agent(w) }),
  linkAgent: (w) => ({
    path: '/api/v1/agents/link',
    body: { ...agent(w), challenge: 'A text that was never issued', signature: `0x${'11'.repeat(65)}` },
  }),
  listLinkedAgents: (w) => ({ path: `/api/v1/agents/linked?organization_id=${w.organizationId}` }),
  unlinkAgent: (w) => ({ path: `/api/v1/agents/7/link?chain_id=31337&organization_id=${w.organizationId}` }),
  getCredits: (w) => ({ path: `/api/v1/billing/credits?organization_id=${w.organizationId}` }),
  listOrganizationEvents: (w) => ({ path: `/api/v1/organizations/${w.organizationId}/events` }),
  listRequests: (w) => ({ path: `/api/v1/analytics/requests?organization_id=${w.organizationId}` }),
  listAuditLogs: (w) => ({ path: `/api/v1/audit-logs?organization_id=${w.organizationId}` }),
  verifyAuditLogs: (w) => ({ path: `/api/v1/audit-logs/verify?organization_id=${w.organizationId}` }),
};
