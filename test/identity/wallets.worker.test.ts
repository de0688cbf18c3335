import { env } from 'cloudflare:workers';
import { SignJWT } from 'jose';
import type { Hex } from 'viem';
import { parseSiweMessage } from 'viem/siwe';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { configOf } from '../../src/env.ts';
import { signAccessToken } from '../../src/identity/users/tokens.ts';
import { signWalletToken, verifyWalletToken } from '../../src/identity/wallets/tokens.ts';
import { call, expectOk, newTrigger, type Person, signUp } from '../support/api.ts';
import { walletCode } from '../support/contract-wallet.ts';
import {
  type Account,
  askChallenge,
  askLogin,
  claimOf,
  linked,
  loggedIn,
  lower,
  newAccount,
  sendLink,
  sendLogin,
  tryLogin,
} from '../support/wallets.ts';
import { CHAIN_ID, watchOwnChain } from '../support/watched-chain.ts';

let chain: Awaited<ReturnType<typeof watchOwnChain>>;
let person: Person;
let owner: Account;
let agents = 300n;

beforeAll(async () => {
  chain = await watchOwnChain();
});

afterAll(() => chain.stop());

beforeEach(async () => {
  person = await signUp();
  owner = newAccount();
});

async function linkNewAgent(to: Person, wallet = owner, fields: object = {}) {
  agents += 1n;
  await chain.setOwner(agents, wallet.address);
  await linked(to, agents, wallet, fields);
  return agents;
}

const BAD_CHALLENGE = { status: 400, body: { error: 'bad_request' } };

describe('POST /api/v1/auth/wallet/challenge', () => {
  it('issues a text to sign in with', async () => {
    const { challenge, nonce } = await askLogin(owner.address, { organization_id: person.personalOrganizationId });
    expect(parseSiweMessage(challenge)).toMatchObject({
      domain: 'weir.test',
      uri: 'https://weir.test/api/v1/auth/wallet',
      address: owner.address,
      chainId: CHAIN_ID,
      nonce,
      statement: 'Sign in with the wallet of a linked agent.',
      resources: ['urn:weir:action:login', `urn:weir:organization:${person.personalOrganizationId}`],
    });
  });

  it('names the chain that the wallet asks for', async () => {
    const { challenge } = await askLogin(owner.address, { chain_id: 8453 });
    expect(parseSiweMessage(challenge).chainId).toBe(8453);
  });

  it('says the same of a wallet that is linked and of one that is not, and of any organization', async () => {
    await linkNewAgent(person);
    const organizations = [undefined, person.personalOrganizationId, crypto.randomUUID()];
    for (const wallet of [owner, newAccount()]) {
      for (const organization_id of organizations) {
        const challenge = await askLogin(wallet.address, { organization_id });
        expect(Object.keys(challenge)).toEqual(['challenge', 'nonce', 'expires_at']);
      }
    }
  });
});

describe('POST /api/v1/auth/wallet', () => {
  it('signs the owner of a linked agent in, as a member of its organization', async () => {
    const [one, two] = [await linkNewAgent(person), await linkNewAgent(person)];
    const session = await loggedIn(owner);
    expect(session).toEqual({
      token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      expires_in: 3600,
      wallet_address: lower(owner.address),
      organization_id: person.personalOrganizationId,
      agents: [one, two].map((agent) => ({ agent_id: Number(agent), chain_id: CHAIN_ID })),
    });
    const { token } = session;
    const organization_id = person.personalOrganizationId;
    const body = { name: 'By a wallet', organization_id, chain_id: CHAIN_ID, registry: 'identity' };
    expect((await call('POST', '/api/v1/triggers', { token, body })).status).toBe(201);
    const trigger = await newTrigger(person);
    expect((await call('GET', `/api/v1/triggers/${trigger}`, { token })).status).toBe(200);
    const claim = claimOf(person, 1n, owner.address);
    expect((await call('POST', '/api/v1/agents/challenge', { token, body: claim })).status).toBe(403);
    expect((await call('GET', `/api/v1/agents/linked?organization_id=${organization_id}`, { token })).status).toBe(200);
  });

  it('gives no place in any other organization, and is no person', async () => {
    await linkNewAgent(person);
    const { token } = await loggedIn(owner);
    const other = await signUp();
    const trigger = await newTrigger(other);
    expect((await call('GET', `/api/v1/triggers/${trigger}`, { token })).status).toBe(404);
    const foreign = `/api/v1/agents/linked?organization_id=${other.personalOrganizationId}`;
    expect((await call('GET', foreign, { token })).status).toBe(404);
    expect((await call('GET', '/api/v1/organizations', { token })).status).toBe(403);
  });

  it('uses a challenge once, also in two requests at once', async () => {
    await linkNewAgent(person);
    const { challenge } = await askLogin(owner.address);
    const signature = await owner.signMessage({ message: challenge });
    const answers = await Promise.all([0, 1, 2].map(() => sendLogin(owner.address, challenge, signature)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400]);
    expect(await sendLogin(owner.address, challenge, signature)).toMatchObject(BAD_CHALLENGE);
  });

  it('refuses another wallet, a changed text, and a text for linking', async () => {
    const agent = await linkNewAgent(person);
    const thief = newAccount();
    const attempts: [Hex, string][] = [
      [thief.address, (await askLogin(owner.address)).challenge],
      [owner.address, (await askLogin(owner.address)).challenge.replace('weir.test wants', 'evil.example wants')],
      [owner.address, (await askLogin(owner.address)).challenge.replace(`Chain ID: ${CHAIN_ID}`, 'Chain ID: 1')],
      [owner.address, (await askChallenge(person, claimOf(person, agent, owner.address))).challenge],
      [owner.address, 'Nonce: 0123456789'],
    ];
    for (const [wallet, challenge] of attempts) {
      const signature = await owner.signMessage({ message: challenge });
      expect(await sendLogin(wallet, challenge, signature)).toMatchObject(BAD_CHALLENGE);
    }
  });

  it('refuses a signature that is not the wallet’s alike, whether the wallet is linked or not', async () => {
    await linkNewAgent(person);
    const thief = newAccount();
    const answers = [];
    for (const wallet of [owner.address, newAccount().address]) answers.push(await tryLogin(thief, {}, lower(wallet)));
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 401, body: { message: 'The signature is not the wallet’s' } });
    }
  });

  it('refuses a wallet that proves itself and has no linked agent', async () => {
    expect(await tryLogin(owner)).toMatchObject({
      status: 403,
      body: { error: 'forbidden', message: 'No agent of this wallet is linked to an organization' },
    });
    await linkNewAgent(person);
    expect((await tryLogin(owner, { organization_id: crypto.randomUUID() })).status).toBe(403);
    expect((await tryLogin(owner, { chain_id: 8453 })).status).toBe(403);
  });

  it('asks which organization where there are several, without naming any', async () => {
    const other = await signUp();
    await linkNewAgent(person);
    const agent = await linkNewAgent(other);
    const answer = await tryLogin(owner);
    expect(answer).toMatchObject({ status: 400, body: { details: [{ path: 'organization_id' }] } });
    for (const id of [person.personalOrganizationId, other.personalOrganizationId]) {
      expect(JSON.stringify(answer.body)).not.toContain(id);
    }
    const organization_id = other.personalOrganizationId;
    expect(await loggedIn(owner, { organization_id })).toMatchObject({
      organization_id,
      agents: [{ agent_id: Number(agent) }],
    });
  });

  it('signs a contract wallet in', async () => {
    const wallet: Hex = `0x${'c1'.repeat(20)}`;
    await chain.rpc('anvil_setCode', wallet, walletCode(owner.address));
    await chain.setOwner(399n, wallet);
    const claim = claimOf(person, 399n, wallet);
    const { challenge } = await askChallenge(person, claim);
    const signature = await owner.signMessage({ message: challenge });
    await expectOk(201, sendLink(person, { ...claim, challenge, signature }));
    expect(await loggedIn(owner, {}, wallet)).toMatchObject({ wallet_address: wallet, agents: [{ agent_id: 399 }] });
    expect((await tryLogin(newAccount(), {}, wallet)).status).toBe(401);
  });

  it('ends with the link', async () => {
    const agent = await linkNewAgent(person);
    const { token } = await loggedIn(owner);
    const path = `/api/v1/agents/linked?organization_id=${person.personalOrganizationId}`;
    expect((await call('GET', path, { token })).status).toBe(200);
    const link = `/api/v1/agents/${agent}/link?chain_id=${CHAIN_ID}&organization_id=${person.personalOrganizationId}`;
    await expectOk(200, call('DELETE', link, { token: person.token }));
    expect(await call('GET', path, { token })).toMatchObject({ status: 401, body: { error: 'unauthorized' } });
  });
});

describe('a wallet’s token', () => {
  const settings = () => ({ secret: configOf(env).jwtSecret, issuer: configOf(env).baseUrl });
  const now = new Date();
  const wallet = { kind: 'wallet', address: '0xaa', organizationId: 'o', linkId: 'link_1', userId: 'u' } as const;

  it('names wallet, organization, link and who made it, for an hour', async () => {
    const token = await signWalletToken(settings(), wallet, now);
    expect(await verifyWalletToken(settings(), token, now)).toEqual(wallet);
    const inSeconds = (seconds: number) => new Date(now.getTime() + seconds * 1_000);
    expect(await verifyWalletToken(settings(), token, inSeconds(3_655))).toEqual(wallet);
    await expect(verifyWalletToken(settings(), token, inSeconds(3_665))).rejects.toThrow('invalid or expired');
  });

  it('is not a person’s, and a person’s is not a wallet’s', async () => {
    const user = { kind: 'user', userId: 'u', username: 'n', sessionId: 's' } as const;
    const person = await signAccessToken(settings(), user, now);
    await expect(verifyWalletToken(settings(), person, now)).rejects.toThrow('invalid or expired');
  });

  it('is refused with another key, kind, issuer or claim', async () => {
    const claims = { org: 'o', lnk: 'l', usr: 'u' };
    const forge = (typ: string, issuer: string, payload: object, secret = settings().secret) =>
      new SignJWT({ ...payload })
        .setProtectedHeader({ alg: 'HS256', typ })
        .setSubject('0xaa')
        .setIssuer(issuer)
        .setAudience(issuer)
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(secret);
    const good = settings().issuer;
    expect(await verifyWalletToken(settings(), await forge('wallet+jwt', good, claims), now)).toMatchObject({
      linkId: 'l',
    });
    for (const token of [
      await forge('at+jwt', good, claims),
      await forge('wallet+jwt', 'https://evil.example', claims),
      await forge('wallet+jwt', good, { org: 'o', lnk: 'l' }),
      await forge('wallet+jwt', good, { ...claims, lnk: 7 }),
      await forge('wallet+jwt', good, claims, new Uint8Array(32)),
    ]) {
      await expect(verifyWalletToken(settings(), token, now)).rejects.toThrow('invalid or expired');
      expect((await call('GET', '/api/v1/triggers', { token })).status).toBe(401);
    }
  });
});
