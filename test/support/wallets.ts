import type { Hex } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { call, expectOk, type Person } from './api.ts';
import { CHAIN_ID } from './watched-chain.ts';

export type Account = ReturnType<typeof newAccount>;

export const newAccount = () => privateKeyToAccount(generatePrivateKey());

export const lower = (address: Hex) => address.toLowerCase() as Hex;

export interface Challenge {
  challenge: string;
  nonce: string;
  expires_at: string;
}

export interface LinkBody {
  id: string;
  agent_id: number | string;
  organization_id: string;
  wallet_address: string;
  status: string;
}

/** What a request to link an agent names, apart from the proof. */
export const claimOf = (person: Person, agentId: bigint, wallet: Hex, fields: object = {}) => ({
  agent_id: agentId <= Number.MAX_SAFE_INTEGER ? Number(agentId) : String(agentId),
  chain_id: CHAIN_ID,
  organization_id: person.personalOrganizationId,
  wallet_address: lower(wallet),
  ...fields,
});

export async function askChallenge(person: Person, claim: object): Promise<Challenge> {
  const asked = call('POST', '/api/v1/agents/challenge', { token: person.token, body: claim });
  return (await expectOk<{ data: Challenge }>(201, asked)).data;
}

export const sendLink = (person: Person, body: object) =>
  call('POST', '/api/v1/agents/link', { token: person.token, body });

/** Challenge, signature, link; what the account signs for may be a contract wallet of its own. */
export async function tryLink(person: Person, agentId: bigint, account: Account, fields: object = {}) {
  const claim = claimOf(person, agentId, account.address, fields);
  const { challenge } = await askChallenge(person, claim);
  return sendLink(person, { ...claim, challenge, signature: await account.signMessage({ message: challenge }) });
}

export const linked = (person: Person, agentId: bigint, account: Account, fields: object = {}) =>
  expectOk<LinkBody>(201, tryLink(person, agentId, account, fields));

export async function linksOf(person: Person, query = ''): Promise<LinkBody[]> {
  const path = `/api/v1/agents/linked?organization_id=${person.personalOrganizationId}${query}`;
  return expectOk<LinkBody[]>(200, call('GET', path, { token: person.token }));
}

export interface WalletSession {
  token: string;
  expires_in: number;
  organization_id: string;
  agents: { agent_id: number | string; chain_id: number }[];
}

export async function askLogin(wallet: Hex, fields: object = {}): Promise<Challenge> {
  const body = { wallet_address: wallet, ...fields };
  return (await expectOk<{ data: Challenge }>(201, call('POST', '/api/v1/auth/wallet/challenge', { body }))).data;
}

export const sendLogin = (wallet: Hex, challenge: string, signature: string) =>
  call('POST', '/api/v1/auth/wallet', { body: { wallet_address: wallet, challenge, signature } });

export async function tryLogin(account: Account, fields: object = {}, wallet = lower(account.address)) {
  const { challenge } = await askLogin(wallet, fields);
  return sendLogin(wallet, challenge, await account.signMessage({ message: challenge }));
}

export const loggedIn = (account: Account, fields: object = {}, wallet?: Hex) =>
  expectOk<WalletSession>(200, tryLogin(account, fields, wallet));
