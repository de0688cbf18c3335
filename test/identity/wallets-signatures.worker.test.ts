import { sql } from 'drizzle-orm';
import { type Hex, numberToHex, parseErc6492Signature, parseSignature } from 'viem';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, expectOk, type Person, signUp } from '../support/api.ts';
import { FACTORY_CODE, REFUSING_CODES, undeployedWallet, walletCode } from '../support/contract-wallet.ts';
import { database } from '../support/database.ts';
import {
  type Account,
  askChallenge,
  askLogin,
  type Challenge,
  claimOf,
  lower,
  newAccount,
  sendLink,
  sendLogin,
} from '../support/wallets.ts';
import { CHAIN_ID, OWNER, watchOwnChain } from '../support/watched-chain.ts';

/** What may be wrong with a signed text, for both of its uses: linking an agent and signing in by one. */
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const FACTORY: Hex = `0x${'fb'.repeat(20)}`;

let chain: Awaited<ReturnType<typeof watchOwnChain>>;
let person: Person;
let owner: Account;
let agents = 900n;

beforeAll(async () => {
  chain = await watchOwnChain();
  await chain.rpc('anvil_setCode', FACTORY, FACTORY_CODE);
});

afterAll(() => chain.stop());

beforeEach(async () => {
  person = await signUp();
  owner = newAccount();
});

const sign = (account: Account, message: string) => account.signMessage({ message });

interface Use {
  ask(): Promise<Challenge>;
  send(challenge: string, signature: string): Promise<Answer>;
}

async function newAgent(wallet: Hex) {
  agents += 1n;
  await chain.setOwner(agents, wallet);
  return agents;
}

/** An agent of the wallet that is to be linked. */
async function linking(wallet: Hex): Promise<Use> {
  const claim = claimOf(person, await newAgent(wallet), wallet);
  return {
    ask: () => askChallenge(person, claim),
    send: (challenge, signature) => sendLink(person, { ...claim, challenge, signature }),
  };
}

/** A wallet with a linked agent that is to sign in; `wrap` makes a signature of the owner's the wallet's. */
async function signingIn(wallet: Hex, wrap: (signature: Hex) => Hex = (signature) => signature): Promise<Use> {
  const link = await linking(wallet);
  const { challenge } = await link.ask();
  await expectOk(201, link.send(challenge, wrap(await sign(owner, challenge))));
  return {
    ask: () => askLogin(wallet),
    send: (text, signature) => sendLogin(wallet, text, signature),
  };
}

const refused = (status: number, error: string, message: string) => ({ status, body: { error, message } });

const NOT_ISSUED = refused(400, 'bad_request', 'The challenge was not issued for this, or was used before');
const NOT_THE_TEXT = refused(400, 'bad_request', 'The challenge is not the text that was issued');
const EXPIRED = refused(400, 'bad_request', 'The challenge has expired');

const USES = [
  { name: 'linking an agent', use: linking, ok: 201, forged: refused(400, 'bad_request', 'Invalid signature') },
  {
    name: 'signing in with a wallet',
    use: signingIn,
    ok: 200,
    forged: refused(401, 'unauthorized', 'The signature is not the wallet’s'),
  },
];

describe.each(USES)('$name', ({ use, ok, forged }) => {
  const wrong = async (change: (text: string) => string) => {
    const { ask, send } = await use(owner.address);
    const text = change((await ask()).challenge);
    return send(text, await sign(owner, text));
  };

  it('refuses a text for another domain', async () => {
    const answer = await wrong((text) => text.replace('weir.test wants', 'evil.example wants'));
    expect(answer).toMatchObject(NOT_THE_TEXT);
  });

  it('refuses a text for another chain', async () => {
    const answer = await wrong((text) => text.replace(`Chain ID: ${CHAIN_ID}`, 'Chain ID: 1'));
    expect(answer).toMatchObject(NOT_THE_TEXT);
  });

  it('refuses a text that was given a longer life', async () => {
    expect(await wrong((text) => text.replace(/Expiration Time: 2/, 'Expiration Time: 3'))).toMatchObject(NOT_THE_TEXT);
  });

  it('refuses a text whose nonce was made up', async () => {
    const answer = await wrong((text) => text.replace(/Nonce: [0-9a-f]{32}/, `Nonce: ${'0'.repeat(32)}`));
    expect(answer).toMatchObject(NOT_ISSUED);
  });

  it('refuses a text that has expired, and uses it up', async () => {
    const { ask, send } = await use(owner.address);
    const { challenge, nonce } = await ask();
    const past = new Date(Date.now() - 1).toISOString();
    await database().query.execute(
      sql`update wallet_challenges set expires_at = ${past}::timestamptz where nonce = ${nonce}`,
    );
    const signature = await sign(owner, challenge);
    expect(await send(challenge, signature)).toMatchObject(EXPIRED);
    expect(await send(challenge, signature)).toMatchObject(NOT_ISSUED);
  });

  it('refuses a nonce that was used before, though the signature is new', async () => {
    const { ask, send } = await use(owner.address);
    const { challenge } = await ask();
    expect(await send(challenge, await sign(newAccount(), challenge))).toMatchObject(forged);
    expect(await send(challenge, await sign(owner, challenge))).toMatchObject(NOT_ISSUED);
  });

  it('takes the variant of a signature with a high s for the same one: either works, once', async () => {
    const { ask, send } = await use(owner.address);
    const { challenge } = await ask();
    const low = await sign(owner, challenge);
    const { r, s, yParity } = parseSignature(low);
    const high = `${r}${numberToHex(CURVE_ORDER - BigInt(s), { size: 32 }).slice(2)}${yParity ? '1b' : '1c'}`;
    expect((await send(challenge, high)).status).toBe(ok);
    expect(await send(challenge, low)).toMatchObject(NOT_ISSUED);
  });

  it('refuses the variant with a high s of somebody else’s signature', async () => {
    const { ask, send } = await use(owner.address);
    const { challenge } = await ask();
    const { r, s, yParity } = parseSignature(await sign(newAccount(), challenge));
    const high = `${r}${numberToHex(CURVE_ORDER - BigInt(s), { size: 32 }).slice(2)}${yParity ? '1b' : '1c'}`;
    expect(await send(challenge, high)).toMatchObject(forged);
  });

  it('takes the signature of a contract wallet that a transaction deployed, and of its owner alone', async () => {
    const { address, wrap } = undeployedWallet(FACTORY, owner.address);
    const { data } = parseErc6492Signature(wrap(await sign(owner, 'any')));
    await chain.rpc('eth_sendTransaction', { from: OWNER, to: FACTORY, data, gas: '0x7a120' });
    await chain.rpc('anvil_mine', '0x1');
    expect(await chain.rpc('eth_getCode', address, 'latest')).toBe(walletCode(owner.address));
    const { ask, send } = await use(address);
    const first = (await ask()).challenge;
    expect(await send(first, await sign(newAccount(), first))).toMatchObject(forged);
    const second = (await ask()).challenge;
    expect((await send(second, await sign(owner, second))).status).toBe(ok);
  });

  it.each(Object.keys(REFUSING_CODES))('refuses a contract wallet that %s', async (name) => {
    const wallet = lower(newAccount().address);
    await chain.rpc('anvil_setCode', wallet, walletCode(owner.address));
    const { ask, send } = await use(wallet);
    await chain.rpc('anvil_setCode', wallet, REFUSING_CODES[name]);
    const { challenge } = await ask();
    expect(await send(challenge, await sign(owner, challenge))).toMatchObject(forged);
  });
});

describe('signing in with a wallet that is not deployed yet', () => {
  it('takes a signature of its owner by ERC-6492, and no other', async () => {
    const { address, wrap } = undeployedWallet(FACTORY, owner.address);
    const { ask, send } = await signingIn(address, wrap);
    const first = (await ask()).challenge;
    expect((await send(first, wrap(await sign(newAccount(), first)))).status).toBe(401);
    const second = (await ask()).challenge;
    expect((await send(second, wrap(await sign(owner, second)))).status).toBe(200);
  });
});

describe('signing in with a foreign organization', () => {
  it('is refused where the text names one that the wallet has no agent in', async () => {
    await signingIn(owner.address);
    const other = await signUp();
    const { challenge } = await askLogin(owner.address, { organization_id: other.personalOrganizationId });
    expect(await sendLogin(owner.address, challenge, await sign(owner, challenge))).toMatchObject(
      refused(403, 'forbidden', 'No agent of this wallet is linked to an organization'),
    );
  });

  it('is refused where the text was changed to name another', async () => {
    await signingIn(owner.address);
    const other = await signUp();
    const asked = await askLogin(owner.address, { organization_id: other.personalOrganizationId });
    const text = asked.challenge.replace(other.personalOrganizationId, person.personalOrganizationId);
    expect(await sendLogin(owner.address, text, await sign(owner, text))).toMatchObject(NOT_THE_TEXT);
  });
});

describe('linking to a foreign organization', () => {
  it('is refused where the text names another than the request, and where one is no member', async () => {
    const stranger = await signUp();
    const agent = await newAgent(owner.address);
    const { challenge } = await askChallenge(person, claimOf(person, agent, owner.address));
    const signature = await sign(owner, challenge);
    const theirs = { ...claimOf(stranger, agent, owner.address), challenge, signature };
    expect(await sendLink(stranger, theirs)).toMatchObject(NOT_ISSUED);
    expect(await sendLink(person, theirs)).toMatchObject(refused(404, 'not_found', 'Organization not found'));
  });
});
