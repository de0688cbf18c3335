import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATIONS } from '../../src/operations.ts';
import { buildWorld, newReplay, REQUESTS, type World } from '../contract/world.ts';
import { call, signUp } from '../support/api.ts';
import { database, rowCounts } from '../support/database.ts';
import { askChallenge, askLogin, claimOf, linked, newAccount } from '../support/wallets.ts';
import { CHAIN_ID, watchOwnChain } from '../support/watched-chain.ts';

/** What the trail says of each mutation that succeeds. A new one has to be entered here. */
const ACTIONS: Record<string, string> = {
  register: 'user.register',
  login: 'session.create',
  changePassword: 'password.change',
  refreshToken: 'session.refresh',
  logout: 'session.revoke',
  revokeSession: 'session.revoke',
  revokeOtherSessions: 'session.revoke_others',
  logInWallet: 'wallet.login',
  createOrganization: 'organization.create',
  updateOrganization: 'organization.update',
  deleteOrganization: 'organization.delete',
  transferOrganization: 'organization.transfer',
  addMember: 'member.add',
  updateMember: 'member.update',
  removeMember: 'member.remove',
  createApiKey: 'api_key.create',
  revokeApiKey: 'api_key.revoke',
  rotateApiKey: 'api_key.rotate',
  createApiKeyShort: 'api_key.create',
  revokeApiKeyShort: 'api_key.revoke',
  rotateApiKeyShort: 'api_key.rotate',
  challengeAgent: 'agent.challenge',
  linkAgent: 'agent.link',
  unlinkAgent: 'agent.unlink',
  createTrigger: 'trigger.create',
  updateTrigger: 'trigger.update',
  deleteTrigger: 'trigger.delete',
  createCondition: 'condition.create',
  updateCondition: 'condition.update',
  deleteCondition: 'condition.delete',
  createAction: 'action.create',
  updateAction: 'action.update',
  deleteAction: 'action.delete',
  resetActionCircuit: 'action.circuit_reset',
  createRateLimit: 'rate_limit.create',
  updateRateLimit: 'rate_limit.update',
  deleteRateLimit: 'rate_limit.delete',
  createApi: 'api.create',
  putApi: 'api.create',
  importApi: 'api.create',
  importApiEndpoints: 'api.update',
  deleteApi: 'api.delete',
  purgeApi: 'api.purge',
  createApiVersion: 'api_version.create',
  updateApiVersion: 'api_version.update',
  deleteApiVersion: 'api_version.delete',
  createApiEndpoint: 'api_endpoint.create',
  updateApiEndpoint: 'api_endpoint.update',
  deleteApiEndpoint: 'api_endpoint.delete',
  rollBackApi: 'api.rollback',
  verifyUpstreamHost: 'upstream_host.verify',
  createDomain: 'domain.create',
  updateDomain: 'domain.update',
  deleteDomain: 'domain.delete',
  verifyDomain: 'domain.verify',
  followAgent: 'follow.create',
  updateFollow: 'follow.update',
  unfollowAgent: 'follow.delete',
  retryDelivery: 'delivery.retry',
  createReplay: 'replay.create',
  cancelReplay: 'replay.cancel',
};

/** Mutations that leave no row, and why. */
const WITHOUT_A_ROW: Record<string, string> = {
  challengeWallet: 'a stranger asks, and no organization is known whose trail it could go to',
  createWebSocketTicket: 'a ticket opens one socket for a minute, and changes nothing',
  publishMessage: 'what passes through a channel is kept nowhere',
  testTrigger: 'nothing is changed',
  backtestTrigger: 'nothing is changed',
  streamBacktest: 'nothing is changed',
};

const MUTATIONS = OPERATIONS.filter(({ method }) => method !== 'get');

interface Request {
  path: string;
  body?: object;
  token?: string;
}

let chain: Awaited<ReturnType<typeof watchOwnChain>>;
let agents = 700n;

beforeAll(async () => {
  chain = await watchOwnChain();
});

afterAll(() => chain.stop());

async function agentOf(account: ReturnType<typeof newAccount>) {
  agents += 1n;
  await chain.setOwner(agents, account.address);
  return agents;
}

async function link({ owner, organizationId }: World) {
  const account = newAccount();
  const agent = await agentOf(account);
  await linked(owner, agent, account, { organization_id: organizationId });
  return { account, agent };
}

/** Requests that need more than the world has. The others are the world's own. */
const SUCCEEDING: Record<string, (world: World) => Promise<Request>> = {
  register: async () => {
    const username = `new-${crypto.randomUUID().slice(0, 8)}`;
    const body = { username, email: `${username}@example.com`, password: 'correct horse battery' };
    return { path: '/api/v1/auth/register', body };
  },
  login: async ({ owner }) => ({
    path: '/api/v1/auth/login',
    body: { username_or_email: owner.username, password: owner.password },
  }),
  refreshToken: async ({ owner }) => ({ path: '/api/v1/auth/refresh', body: { refresh_token: owner.refreshToken } }),
  revokeSession: async ({ owner }) => {
    const { body } = await call('GET', '/api/v1/auth/sessions', { token: owner.token });
    const [session] = (body as { data: { id: string }[] }).data;
    return { path: `/api/v1/auth/sessions/${session?.id}`, token: owner.token };
  },
  revokeOtherSessions: async ({ owner }) => {
    const body = { username_or_email: owner.username, password: owner.password };
    await call('POST', '/api/v1/auth/login', { body });
    return { path: '/api/v1/auth/sessions', token: owner.token };
  },
  challengeWallet: async () => ({
    path: '/api/v1/auth/wallet/challenge',
    body: { wallet_address: newAccount().address },
  }),
  logInWallet: async (world) => {
    const { account } = await link(world);
    const { challenge } = await askLogin(account.address);
    const signature = await account.signMessage({ message: challenge });
    return { path: '/api/v1/auth/wallet', body: { wallet_address: account.address, challenge, signature } };
  },
  linkAgent: async ({ owner, organizationId }) => {
    const account = newAccount();
    const claim = claimOf(owner, await agentOf(account), account.address, { organization_id: organizationId });
    const { challenge } = await askChallenge(owner, claim);
    const signature = await account.signMessage({ message: challenge });
    return { path: '/api/v1/agents/link', body: { ...claim, challenge, signature }, token: owner.token };
  },
  // One of its own: a sweeper that another test woke may have carried on the world's.
  cancelReplay: async ({ owner, organizationId, triggerId }) => ({
    path: `/api/v1/replays/${await newReplay(organizationId, triggerId)}`,
    token: owner.token,
  }),
  unlinkAgent: async (world) => {
    const { agent } = await link(world);
    const query = `chain_id=${CHAIN_ID}&organization_id=${world.organizationId}`;
    return { path: `/api/v1/agents/${agent}/link?${query}`, token: world.owner.token };
  },
};

async function requestOf(id: string, world: World): Promise<Request> {
  const own = SUCCEEDING[id];
  if (own) return own(world);
  const request = REQUESTS[id]?.(world);
  if (!request) throw new Error(`no request is known for ${id}`);
  return { ...request, token: world.owner.token };
}

async function allRows(): Promise<string[]> {
  const result = await database().query.execute(sql`select action from audit_logs`);
  return (result as unknown as { rows: { action: string }[] }).rows.map(({ action }) => action);
}

const countOf = (rows: readonly string[], action: string) => rows.filter((each) => each === action).length;

describe('every mutation that succeeds', () => {
  it('is entered here with what the trail says of it, or why it says nothing', () => {
    const entered = [...Object.keys(ACTIONS), ...Object.keys(WITHOUT_A_ROW)];
    expect(entered.toSorted()).toEqual(MUTATIONS.map(({ id }) => id).toSorted());
  });

  it.each(MUTATIONS.map(({ id, method }) => [id, method] as const))('leaves its row: %s', async (id, method) => {
    const { path, body, token } = await requestOf(id, await buildWorld());
    const before = await allRows();
    const answer = await call(method.toUpperCase(), path, { token, body });
    expect({ status: answer.status, body: answer.body }).toMatchObject({ status: expect.toSatisfy(isSuccess) });
    const after = await allRows();
    const action = ACTIONS[id];
    if (action === undefined) expect(after).toHaveLength(before.length);
    else expect(countOf(after, action)).toBe(countOf(before, action) + 1);
  });
});

const isSuccess = (status: number) => status >= 200 && status < 300;

describe('a failed attempt that is counted or uses something up', () => {
  const rowsOf = async (organizationId: string, action: string) => {
    const result = await database().query.execute(
      sql`select content from audit_logs where organization_id = ${organizationId} and action = ${action} order by seq`,
    );
    return (result as unknown as { rows: { content: string }[] }).rows.map(({ content }) => JSON.parse(content));
  };

  it('leaves a row: a wrong password', async () => {
    const { username, id, personalOrganizationId } = await signUp();
    const body = { username_or_email: username, password: 'not the password' };
    const headers = { 'CF-Connecting-IP': '203.0.113.9', 'X-Request-Id': 'guess-1' };
    for (let n = 0; n < 12; n += 1) await call('POST', '/api/v1/auth/login', { body, headers });
    const rows = await rowsOf(personalOrganizationId, 'account.login_failed');
    expect(rows.map(({ after }) => after)).toEqual(Array.from({ length: 10 }, (_, n) => ({ failed_logins: n + 1 })));
    expect(rows[0]).toMatchObject({
      actor: 'anonymous',
      target: { type: 'user', id },
      address: '203.0.113.9',
      request_id: 'guess-1',
    });
    expect(JSON.stringify(rows)).not.toContain('not the password');
  });

  it('leaves no row where there is no such account', async () => {
    const before = await rowCounts();
    const body = { username_or_email: 'nobody-at-all', password: 'not the password' };
    expect((await call('POST', '/api/v1/auth/login', { body })).status).toBe(401);
    expect(await rowCounts()).toEqual(before);
  });

  it('leaves a row: a wrong current password', async () => {
    const { token, personalOrganizationId } = await signUp();
    const body = { current_password: 'not the password', new_password: 'another good password' };
    expect((await call('POST', '/api/v1/auth/password', { token, body })).status).toBe(403);
    const rows = await rowsOf(personalOrganizationId, 'password.change_failed');
    expect(rows).toMatchObject([{ target: { type: 'session' }, after: { wrong_passwords: 1 } }]);
  });

  it('leaves a row: a text to link an agent with that is used up in vain', async () => {
    const person = await signUp();
    const account = newAccount();
    const claim = claimOf(person, await agentOf(account), account.address);
    const { challenge, nonce } = await askChallenge(person, claim);
    const signature = await newAccount().signMessage({ message: challenge });
    const refused = await call('POST', '/api/v1/agents/link', {
      token: person.token,
      body: { ...claim, challenge, signature },
    });
    expect(refused).toMatchObject({ status: 400, body: { message: 'Invalid signature' } });
    expect(await rowsOf(person.personalOrganizationId, 'agent.use_challenge')).toMatchObject([
      { actor: `user:${person.id}`, target: { type: 'agent_challenge', id: nonce }, before: { chain_id: CHAIN_ID } },
    ]);
  });
});
