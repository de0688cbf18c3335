import type { Hex } from 'viem';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Person, signUp } from '../support/api.ts';
import { walletCode } from '../support/contract-wallet.ts';
import {
  type Account,
  askChallenge,
  claimOf,
  linked,
  newAccount,
  sendLink,
  tryLink,
  tryLogin,
} from '../support/wallets.ts';
import { watchOwnChain } from '../support/watched-chain.ts';

const WALLET: Hex = `0x${'c2'.repeat(20)}`;
const UNAVAILABLE = { status: 503, body: { error: 'service_unavailable' } };

let person: Person;
let owner: Account;

const linkWallet = async (agentId: bigint) => {
  const claim = claimOf(person, agentId, WALLET);
  const { challenge } = await askChallenge(person, claim);
  return sendLink(person, { ...claim, challenge, signature: await owner.signMessage({ message: challenge }) });
};

beforeAll(async () => {
  const chain = await watchOwnChain();
  person = await signUp();
  owner = newAccount();
  await chain.rpc('anvil_setCode', WALLET, walletCode(owner.address));
  await chain.setOwner(1n, owner.address);
  await chain.setOwner(2n, WALLET);
  await linked(person, 1n, owner);
  expect((await linkWallet(2n)).status).toBe(201);
  await chain.stop();
});

describe('while the chain does not answer', () => {
  it('nothing is linked and nobody is called a liar: 503, for accounts and contract wallets', async () => {
    for (const answer of [await tryLink(person, 3n, owner), await linkWallet(4n)]) {
      expect(answer).toMatchObject(UNAVAILABLE);
      expect(answer.headers.get('Retry-After')).toBe('5');
    }
  });

  it('an account signs in, whose key needs no chain, and a contract wallet is asked to come back', async () => {
    expect((await tryLogin(owner)).status).toBe(200);
    expect(await tryLogin(owner, {}, WALLET)).toMatchObject(UNAVAILABLE);
    expect(await tryLogin(newAccount(), {}, WALLET)).toMatchObject(UNAVAILABLE);
  });

  it('a wallet that nobody has linked gets the same answer', async () => {
    expect(await tryLogin(owner, {}, `0x${'c3'.repeat(20)}`)).toMatchObject(UNAVAILABLE);
  });
});
