import { eq, sql } from 'drizzle-orm';
import { type Hex, numberToHex, parseSignature } from 'viem';
import { parseSiweMessage } from 'viem/siwe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentLinks } from '../../src/identity/agents/table.ts';
import { auditLogs } from '../../src/telemetry/audit/table.ts';
import { call, expectOk, type Person, signUp } from '../support/api.ts';
import { FACTORY_CODE, undeployedWallet, walletCode } from '../support/contract-wallet.ts';
import { database, rowCounts } from '../support/database.ts';
import {
  type Account,
  askChallenge,
  askLogin,
  claimOf,
  linked,
  linksOf,
  lower,
  newAccount,
  sendLink,
  tryLink,
} from '../support/wallets.ts';
import { CHAIN_ID, watchOwnChain } from '../support/watched-chain.ts';

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

let chain: Awaited<ReturnType<typeof watchOwnChain>>;
let person: Person;
let owner: Account;
let agents = 100n;

beforeAll(async () => {
  chain = await watchOwnChain();
  person = await signUp();
  owner = newAccount();
});

afterAll(() => chain.stop());

/** An agent that nobody has linked yet. */
async function newAgent(of: Hex = owner.address) {
  agents += 1n;
  await chain.setOwner(agents, of);
  return agents;
}

async function newOrganization(of: Person): Promise<string> {
  const body = { name: 'Company', slug: `c-${crypto.randomUUID().slice(0, 8)}` };
  const made = call('POST', '/api/v1/organizations', { token: of.token, body });
  return (await expectOk<{ data: { id: string } }>(201, made)).data.id;
}

const unlink = (by: Person, agentId: bigint, organizationId = by.personalOrganizationId) =>
  call('DELETE', `/api/v1/agents/${agentId}/link?chain_id=${CHAIN_ID}&organization_id=${organizationId}`, {
    token: by.token,
  });

const refused = (status: number, error: string, message: string) => ({ status, body: { error, message } });

const NOT_ISSUED = refused(400, 'bad_request', 'The challenge was not issued for this, or was used before');
const NOT_THE_TEXT = refused(400, 'bad_request', 'The challenge is not the text that was issued');
const NO_SIGNATURE = refused(400, 'bad_request', 'Invalid signature');
const NOT_OWNER = refused(403, 'forbidden', 'Wallet does not own this agent NFT');
const ALREADY = refused(409, 'conflict', 'Agent is already linked to an organization');

describe('POST /api/v1/agents/challenge', () => {
  it('issues an EIP-4361 text that names wallet, chain, agent, organization and action', async () => {
    const before = Date.now();
    const answer = await call('POST', '/api/v1/agents/challenge', {
      token: person.token,
      body: claimOf(person, 7n, owner.address),
    });
    expect(answer).toMatchObject({
      status: 201,
      body: {
        data: {
          challenge: expect.any(String),
          nonce: expect.stringMatching(/^[0-9a-f]{32}$/),
          expires_at: expect.stringMatching(TIMESTAMP),
        },
      },
    });
    const { challenge, nonce, expires_at } = (answer.body as { data: Record<string, string> }).data;
    const read = parseSiweMessage(challenge ?? '');
    expect(read).toMatchObject({
      domain: 'weir.test',
      uri: 'https://weir.test/api/v1/agents/link',
      address: owner.address,
      chainId: CHAIN_ID,
      nonce,
      version: '1',
      statement: `Link agent 7 on Local development to the organization '${person.username}' (${person.personalOrganizationId}).`,
      resources: [
        'urn:weir:action:link',
        `urn:weir:agent:eip155:${CHAIN_ID}:0x8004a818bfb912233c491871b3d84c89a494bd9e:7`,
        `urn:weir:organization:${person.personalOrganizationId}`,
      ],
    });
    const lifetime = (read.expirationTime?.getTime() ?? 0) - (read.issuedAt?.getTime() ?? 0);
    expect(lifetime).toBe(300_000);
    expect(Date.parse(expires_at ?? '') - before).toBeGreaterThan(290_000);
  });

  it('refuses a chain that is not in the shipped table, and says which are', async () => {
    const claim = claimOf(person, 7n, owner.address, { chain_id: 5 });
    const answer = await call('POST', '/api/v1/agents/challenge', { token: person.token, body: claim });
    expect(answer).toMatchObject({
      status: 400,
      body: { details: [{ path: 'chain_id', message: expect.stringContaining('11155111 (Ethereum Sepolia)') }] },
    });
  });

  it('takes a chain of the table that this deployment does not watch, but cannot link there', async () => {
    const claim = claimOf(person, 7n, owner.address, { chain_id: 11_155_111 });
    const asked = await call('POST', '/api/v1/agents/challenge', { token: person.token, body: claim });
    expect(asked.status).toBe(201);
    const { challenge } = (asked.body as { data: { challenge: string } }).data;
    const body = { ...claim, challenge, signature: await owner.signMessage({ message: challenge }) };
    const linked = await call('POST', '/api/v1/agents/link', { token: person.token, body });
    expect(linked).toMatchObject({ status: 503, body: { message: expect.stringContaining('Ethereum Sepolia') } });
  });

  it('takes an agent’s id as an integer or as decimal text, up to 256 bits', async () => {
    const ask = (agent_id: unknown) =>
      call('POST', '/api/v1/agents/challenge', {
        token: person.token,
        body: claimOf(person, 7n, owner.address, { agent_id }),
      });
    for (const id of [0, '0', '007', String(2n ** 256n - 1n)]) expect((await ask(id)).status).toBe(201);
    for (const id of [-1, 1.5, '', '-1', '0x7', String(2n ** 256n), 2 ** 53, null]) {
      expect((await ask(id)).status).toBe(400);
    }
  });
});

describe('POST /api/v1/agents/link', () => {
  it('answers as the document shows', async () => {
    const agent = await newAgent();
    const answer = await tryLink(person, agent, owner);
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      id: expect.stringMatching(/^link_[0-9a-f]{32}$/),
      agent_id: Number(agent),
      chain_id: CHAIN_ID,
      organization_id: person.personalOrganizationId,
      wallet_address: lower(owner.address),
      status: 'active',
      created_at: expect.stringMatching(TIMESTAMP),
    });
    const [row] = await database()
      .query.select({ action: auditLogs.action, actor: auditLogs.actor })
      .from(auditLogs)
      .where(eq(auditLogs.targetId, (answer.body as { id: string }).id));
    expect(row).toEqual({ action: 'agent.link', actor: `user:${person.id}` });
  });

  it('keeps an id that no number can hold', async () => {
    const agent = 2n ** 255n + 1n;
    await chain.setOwner(agent, owner.address);
    expect(await linked(person, agent, owner)).toMatchObject({ agent_id: String(agent) });
    expect((await unlink(person, agent)).status).toBe(200);
  });

  it('takes the wallet’s address in any letter case', async () => {
    const agent = await newAgent();
    const claim = claimOf(person, agent, owner.address);
    const { challenge } = await askChallenge(person, { ...claim, wallet_address: owner.address });
    const signature = await owner.signMessage({ message: challenge });
    expect((await sendLink(person, { ...claim, challenge, signature: signature.slice(2) })).status).toBe(201);
  });

  it('uses a challenge once, also in two requests at once', async () => {
    const [agent, other] = [await newAgent(), await newAgent()];
    const claim = claimOf(person, agent, owner.address);
    const { challenge } = await askChallenge(person, claim);
    const body = { ...claim, challenge, signature: await owner.signMessage({ message: challenge }) };
    const answers = await Promise.all([0, 1, 2, 3].map(() => sendLink(person, body)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 400, 400, 400]);
    await unlink(person, agent);
    expect(await sendLink(person, body)).toMatchObject(NOT_ISSUED);
    expect((await tryLink(person, other, owner)).status).toBe(201);
  });

  it('uses a challenge up even where it then refuses', async () => {
    const agent = await newAgent();
    const claim = claimOf(person, agent, owner.address);
    const { challenge } = await askChallenge(person, claim);
    const signature = await newAccount().signMessage({ message: challenge });
    expect(await sendLink(person, { ...claim, challenge, signature })).toMatchObject(NO_SIGNATURE);
    const right = { ...claim, challenge, signature: await owner.signMessage({ message: challenge }) };
    expect(await sendLink(person, right)).toMatchObject(NOT_ISSUED);
  });

  it('accepts one form of a signature, and then no other', async () => {
    const agent = await newAgent();
    const claim = claimOf(person, agent, owner.address);
    const { challenge } = await askChallenge(person, claim);
    const { r, s, yParity } = parseSignature(await owner.signMessage({ message: challenge }));
    const high = numberToHex(CURVE_ORDER - BigInt(s), { size: 32 });
    const forms = [`${r}${high.slice(2)}0${1 - yParity}`, `${r}${s.slice(2)}${yParity ? '1c' : '1b'}`];
    const answers = [];
    for (const signature of forms) answers.push((await sendLink(person, { ...claim, challenge, signature })).status);
    expect(answers).toEqual([201, 400]);
  });

  it('replays its answer to a request that comes again with the same Idempotency-Key', async () => {
    const claim = claimOf(person, await newAgent(), owner.address);
    const { challenge } = await askChallenge(person, claim);
    const body = { ...claim, challenge, signature: await owner.signMessage({ message: challenge }) };
    const headers = { 'Idempotency-Key': crypto.randomUUID() };
    const again = () => call('POST', '/api/v1/agents/link', { token: person.token, body, headers });
    const [first, second] = [await again(), await again()];
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body).toEqual(first.body);
  });

  it('refuses a challenge after its five minutes', async () => {
    const claim = claimOf(person, await newAgent(), owner.address);
    const { challenge, nonce } = await askChallenge(person, claim);
    const past = new Date(Date.now() - 1);
    await database().query.execute(
      sql`update wallet_challenges set expires_at = ${past.toISOString()}::timestamptz where nonce = ${nonce}`,
    );
    const signature = await owner.signMessage({ message: challenge });
    expect(await sendLink(person, { ...claim, challenge, signature })).toMatchObject(
      refused(400, 'bad_request', 'The challenge has expired'),
    );
  });

  it.each<[string, (text: string) => string]>([
    ['domain', (text) => text.replace('weir.test wants', 'evil.example wants')],
    ['chain', (text) => text.replace(`Chain ID: ${CHAIN_ID}`, 'Chain ID: 1')],
    ['address of the request', (text) => text.replace('/agents/link', '/auth/wallet')],
    ['expiry', (text) => text.replace(/Expiration Time: 2/, 'Expiration Time: 3')],
    ['action', (text) => text.replace('action:link', 'action:login')],
    ['statement', (text) => text.replace('Link agent', 'Do nothing with agent')],
    ['end', (text) => `${text}\n`],
  ])('refuses a text whose %s was changed, though it is signed', async (_, change) => {
    const claim = claimOf(person, await newAgent(), owner.address);
    const challenge = change((await askChallenge(person, claim)).challenge);
    const signature = await owner.signMessage({ message: challenge });
    expect(await sendLink(person, { ...claim, challenge, signature })).toMatchObject(NOT_THE_TEXT);
  });

  it('refuses a text that it did not issue, also in the form of the ancestor’s', async () => {
    const claim = claimOf(person, await newAgent(), owner.address);
    const foreign = `Sign this message to authenticate with ERC-8004 API\n\nWallet: ${owner.address}\nNonce: abc123abc123\nExpires: 2099-11-27T12:00:00Z`;
    for (const challenge of [foreign, 'x']) {
      const signature = await owner.signMessage({ message: challenge });
      expect(await sendLink(person, { ...claim, challenge, signature })).toMatchObject(NOT_ISSUED);
    }
  });

  it('refuses the signature under a challenge for another agent, wallet, organization, person or chain', async () => {
    const [agent, other] = [await newAgent(), await newAgent()];
    const colleague = await signUp();
    const organization_id = await newOrganization(person);
    const claim = claimOf(person, agent, owner.address);
    const strange = newAccount();
    const cases: [Person, object, Person, object][] = [
      [person, claim, person, { ...claim, agent_id: Number(other) }],
      [person, claim, person, { ...claim, wallet_address: strange.address }],
      [person, claim, person, { ...claim, organization_id }],
      [person, claim, colleague, { ...claim, organization_id: colleague.personalOrganizationId }],
    ];
    for (const [asker, asked, sender, sent] of cases) {
      const { challenge } = await askChallenge(asker, asked);
      const signature = await owner.signMessage({ message: challenge });
      expect(await sendLink(sender, { ...sent, challenge, signature })).toMatchObject(NOT_ISSUED);
    }
    const { challenge } = await askChallenge(person, claim);
    const signature = await owner.signMessage({ message: challenge });
    expect(await sendLink(person, { ...claim, chain_id: 1, challenge, signature })).toMatchObject(NOT_ISSUED);
  });

  it('refuses the signature under a text for signing in', async () => {
    const claim = claimOf(person, await newAgent(), owner.address);
    const { challenge } = await askLogin(owner.address);
    const signature = await owner.signMessage({ message: challenge });
    expect(await sendLink(person, { ...claim, challenge, signature })).toMatchObject(NOT_ISSUED);
  });

  it('refuses a wallet that does not own the agent, and an agent that does not exist', async () => {
    const agent = await newAgent(newAccount().address);
    expect(await tryLink(person, agent, owner)).toMatchObject(NOT_OWNER);
    expect(await tryLink(person, 999_999n, owner)).toMatchObject(refused(404, 'not_found', 'Agent not found'));
  });

  it('refuses an agent whose present owner has linked it already, wherever', async () => {
    const agent = await newAgent();
    const other = await signUp();
    await linked(person, agent, owner);
    expect(await tryLink(person, agent, owner)).toMatchObject(ALREADY);
    expect(await tryLink(other, agent, owner)).toMatchObject(ALREADY);
    expect(await linksOf(other)).toEqual([]);
  });

  it('lets one of several organizations win that link an agent at once', async () => {
    const agent = await newAgent();
    const people = await Promise.all([signUp(), signUp(), signUp()]);
    const answers = await Promise.all(people.map((each) => tryLink(each, agent, owner)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  });

  it('replaces the link of the owner before by the new owner’s', async () => {
    const agent = await newAgent();
    const [seller, buyer] = [person, await signUp()];
    const old = await linked(seller, agent, owner);
    const heir = newAccount();
    await chain.setOwner(agent, heir.address);
    expect(await linked(buyer, agent, heir)).toMatchObject({ status: 'active', wallet_address: lower(heir.address) });
    const [row] = await database().query.select().from(agentLinks).where(eq(agentLinks.id, old.id));
    expect(row).toMatchObject({ status: 'revoked', revokedReason: 'relinked' });
    const trail = await database()
      .query.select({ action: auditLogs.action, organizationId: auditLogs.organizationId })
      .from(auditLogs)
      .where(eq(auditLogs.targetId, old.id))
      .orderBy(auditLogs.seq);
    expect(trail).toEqual([
      { action: 'agent.link', organizationId: seller.personalOrganizationId },
      { action: 'agent.revoke', organizationId: seller.personalOrganizationId },
    ]);
  });

  it('can be linked again after it was unlinked', async () => {
    const agent = await newAgent();
    const first = await linked(person, agent, owner);
    await unlink(person, agent);
    const second = await linked(await signUp(), agent, owner);
    expect(second.id).not.toBe(first.id);
  });

  it('links the agents of a contract wallet, deployed or not yet', async () => {
    const wallet: Hex = `0x${'c0'.repeat(20)}`;
    const factory: Hex = `0x${'fa'.repeat(20)}`;
    await chain.rpc('anvil_setCode', wallet, walletCode(owner.address));
    await chain.rpc('anvil_setCode', factory, FACTORY_CODE);
    const future = undeployedWallet(factory, owner.address);
    const cases: [Hex, (signature: Hex) => Hex][] = [
      [wallet, (signature) => signature],
      [future.address, future.wrap],
    ];
    for (const [address, wrap] of cases) {
      const claim = claimOf(person, await newAgent(address), address);
      const attempt = async (signer: Account) => {
        const { challenge } = await askChallenge(person, claim);
        return sendLink(person, {
          ...claim,
          challenge,
          signature: wrap(await signer.signMessage({ message: challenge })),
        });
      };
      expect(await attempt(newAccount())).toMatchObject(NO_SIGNATURE);
      expect(await attempt(owner)).toMatchObject({ status: 201, body: { wallet_address: address } });
    }
  });

  it('is for admins and owners, and another’s organization does not exist', async () => {
    const stranger = await signUp();
    const claim = claimOf(person, await newAgent(), owner.address);
    const before = await rowCounts();
    for (const path of ['/api/v1/agents/challenge', '/api/v1/agents/link']) {
      const body = path.endsWith('link') ? { ...claim, challenge: 'x', signature: `0x${'00'.repeat(65)}` } : claim;
      const foreign = await call('POST', path, { token: stranger.token, body });
      expect(foreign).toMatchObject(refused(404, 'not_found', 'Organization not found'));
      expect((await call('POST', path, { body })).status).toBe(401);
    }
    expect(await rowCounts()).toEqual(before);
  });

  it('is refused to a member, who may list', async () => {
    const organization_id = await newOrganization(person);
    const member = await signUp();
    const path = `/api/v1/organizations/${organization_id}/members`;
    await expectOk(201, call('POST', path, { token: person.token, body: { user_id: member.id, role: 'member' } }));
    const claim = claimOf(person, await newAgent(), owner.address, { organization_id });
    const asked = await call('POST', '/api/v1/agents/challenge', { token: member.token, body: claim });
    expect(asked).toMatchObject({ status: 403, body: { error: 'forbidden' } });
    expect((await unlink(member, 1n, organization_id)).status).toBe(403);
    const listed = await call('GET', `/api/v1/agents/linked?organization_id=${organization_id}`, {
      token: member.token,
    });
    expect(listed).toMatchObject({ status: 200, body: [] });
  });

  it('refuses signatures that are too short, too long or no hex', async () => {
    const claim = claimOf(person, await newAgent(), owner.address);
    for (const signature of [
      '0x',
      `0x${'00'.repeat(63)}`,
      `0x${'0'.repeat(131)}`,
      'z'.repeat(132),
      `0x${'00'.repeat(16_385)}`,
    ]) {
      expect(await sendLink(person, { ...claim, challenge: 'x', signature })).toMatchObject({
        status: 400,
        body: { details: [{ path: 'signature' }] },
      });
    }
  });
});

describe('GET /api/v1/agents/linked', () => {
  it('lists the links of the organization that stand, newest first, and the revoked ones when asked', async () => {
    const each = await signUp();
    const [first, second] = [await newAgent(), await newAgent()];
    const one = await linked(each, first, owner);
    const two = await linked(each, second, owner);
    expect(await linksOf(each)).toEqual([two, one]);
    expect(await linksOf(each, '&limit=1&offset=1')).toEqual([one]);
    const path = `/api/v1/agents/linked?organization_id=${each.personalOrganizationId}&limit=101`;
    expect((await call('GET', path, { token: each.token })).status).toBe(400);
    await unlink(each, first);
    expect(await linksOf(each)).toEqual([two]);
    expect(await linksOf(each, '&include_revoked=true')).toEqual([two, { ...one, status: 'revoked' }]);
    expect(await linksOf(each, '&include_revoked=false')).toEqual([two]);
  });

  it('needs an organization that one is in', async () => {
    const path = '/api/v1/agents/linked';
    expect((await call('GET', path, { token: person.token })).status).toBe(400);
    const stranger = await signUp();
    const foreign = await call('GET', `${path}?organization_id=${person.personalOrganizationId}`, {
      token: stranger.token,
    });
    expect(foreign).toMatchObject(refused(404, 'not_found', 'Organization not found'));
  });
});

describe('DELETE /api/v1/agents/{agent_id}/link', () => {
  it('unlinks once', async () => {
    const agent = await newAgent();
    const link = await linked(person, agent, owner);
    expect(await unlink(person, agent)).toMatchObject({
      status: 200,
      body: { message: 'Agent unlinked successfully' },
    });
    expect(await unlink(person, agent)).toMatchObject(refused(404, 'not_found', 'Agent link not found'));
    const [row] = await database().query.select().from(agentLinks).where(eq(agentLinks.id, link.id));
    expect(row).toMatchObject({ status: 'revoked', revokedReason: 'unlinked' });
  });

  it('does not unlink what another organization has linked', async () => {
    const agent = await newAgent();
    await linked(person, agent, owner);
    const stranger = await signUp();
    expect(await unlink(stranger, agent)).toMatchObject(
      refused(403, 'forbidden', 'Agent not linked to your organization'),
    );
    expect(await unlink(stranger, agent, person.personalOrganizationId)).toMatchObject(
      refused(404, 'not_found', 'Organization not found'),
    );
  });
});
