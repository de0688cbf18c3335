import { type Hex, numberToHex, parseSignature } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Anvil, startAnvil } from '../../scripts/stack/anvil.ts';
import { installRegistries, setOwner } from '../../scripts/stack/registries.ts';
import { callRpc } from '../../scripts/stack/rpc.ts';
import { type WatchedChain, watchedChains } from '../../src/chain/chains.ts';
import { readOwner } from '../../src/chain/ownership.ts';
import { RpcError } from '../../src/chain/rpc-error.ts';
import { isSignedByAccount, isSignedByContract } from '../../src/chain/signature.ts';
import { FACTORY_CODE, REFUSING_CODES, undeployedWallet, walletCode } from '../support/contract-wallet.ts';

let anvil: Anvil;
let chain: WatchedChain;
const now = new Date();

const watching = (id: number, ...urls: string[]): WatchedChain => {
  const [found] = watchedChains({ rpcUrls: { [id]: urls } });
  if (!found) throw new Error(`no chain ${id}`);
  return found;
};

beforeAll(async () => {
  anvil = await startAnvil();
  await installRegistries(anvil.url);
  chain = watching(31_337, anvil.url);
});

afterAll(() => anvil.stop());

const account = privateKeyToAccount(generatePrivateKey());
const stranger = privateKeyToAccount(generatePrivateKey());
const text = 'weir.test wants you to sign in\nNonce: 0123456789';
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const DEAD = 'http://127.0.0.1:1/';

let contracts = 0;
async function place(code: Hex): Promise<Hex> {
  contracts += 1;
  const address: Hex = `0x${contracts.toString(16).padStart(40, 'c')}`;
  await callRpc(anvil.url, 'anvil_setCode', [address, code]);
  return address;
}

const signedBy = async (signer: typeof account, address: Hex) => ({
  text,
  address,
  signature: await signer.signMessage({ message: text }),
});

describe('a plain account’s signature', () => {
  it('counts in every form that it can be written in', async () => {
    const signed = await signedBy(account, account.address);
    const { r, s, yParity } = parseSignature(signed.signature);
    const high = numberToHex(CURVE_ORDER - BigInt(s), { size: 32 });
    const forms: [Hex, number][] = [
      [s, yParity],
      [s, yParity + 27],
      [high, 1 - yParity],
      [high, 28 - yParity],
    ];
    for (const [half, v] of forms) {
      const signature = `${r}${half.slice(2)}${v.toString(16).padStart(2, '0')}`;
      expect(await isSignedByAccount({ ...signed, signature })).toBe(true);
      expect(await isSignedByAccount({ ...signed, signature, address: signed.address.toLowerCase() })).toBe(true);
    }
  });

  it('does not count for another account, under another text, or in another form', async () => {
    const signed = await signedBy(account, account.address);
    for (const wrong of [
      { address: stranger.address },
      { text: `${text}x` },
      { signature: '0x' },
      { signature: `0x${'00'.repeat(65)}` },
      { signature: `${signed.signature.slice(0, -2)}1d` },
      { signature: `${signed.signature}00` },
      { signature: 'not hex' },
    ]) {
      expect(await isSignedByAccount({ ...signed, ...wrong })).toBe(false);
    }
  });
});

describe('a contract wallet’s signature', () => {
  it('counts when the wallet says so', async () => {
    const wallet = await place(walletCode(account.address));
    expect(await isSignedByContract(chain, await signedBy(account, wallet), now)).toBe(true);
    expect(await isSignedByContract(chain, await signedBy(stranger, wallet), now)).toBe(false);
    const other = { ...(await signedBy(account, wallet)), text: `${text}x` };
    expect(await isSignedByContract(chain, other, now)).toBe(false);
  });

  it.each(Object.entries(REFUSING_CODES))('does not count when the wallet %s', async (_, code) => {
    const wallet = await place(code);
    expect(await isSignedByContract(chain, await signedBy(account, wallet), now)).toBe(false);
  });

  it('does not count where there is no wallet', async () => {
    expect(await isSignedByContract(chain, await signedBy(stranger, account.address), now)).toBe(false);
  });

  it('counts before the wallet is deployed, when its factory comes along', async () => {
    const factory = await place(FACTORY_CODE);
    const wallet = undeployedWallet(factory, account.address);
    const wrapped = async (signer: typeof account) => {
      const signed = await signedBy(signer, wallet.address);
      return { ...signed, signature: wallet.wrap(signed.signature) };
    };
    expect(await isSignedByContract(chain, await wrapped(account), now)).toBe(true);
    expect(await isSignedByContract(chain, await wrapped(stranger), now)).toBe(false);
    expect(await isSignedByContract(chain, { ...(await wrapped(account)), address: stranger.address }, now)).toBe(
      false,
    );
    expect(await callRpc(anvil.url, 'eth_getCode', [wallet.address, 'latest'])).toBe('0x');
  });

  it('is not decided when no endpoint answers, and is when a later one does', async () => {
    const wallet = await place(walletCode(account.address));
    const signed = await signedBy(account, wallet);
    await expect(isSignedByContract(watching(31_337, DEAD), signed, now)).rejects.toThrow(RpcError);
    expect(await isSignedByContract(watching(31_337, DEAD, anvil.url), signed, now)).toBe(true);
  });
});

describe('the owner of an agent', () => {
  it('is what the registry says, with the block of which it says so', async () => {
    await setOwner(anvil.url, 2n ** 200n, account.address);
    const head = Number(await callRpc<Hex>(anvil.url, 'eth_blockNumber', []));
    expect(await readOwner(chain, String(2n ** 200n), now)).toEqual({
      owner: account.address.toLowerCase(),
      blockNumber: head,
    });
  });

  it('is nobody for an agent that does not exist', async () => {
    expect(await readOwner(chain, '404', now)).toBeUndefined();
  });

  it('is unknown when the endpoint is dead, on another chain, stands still, or has no registry', async () => {
    await expect(readOwner(watching(31_337, DEAD), '1', now)).rejects.toThrow(RpcError);
    await expect(readOwner(watching(84_532, anvil.url), '1', now)).rejects.toThrow('is on chain 31337');
    const still = { ...chain, development: false };
    await expect(readOwner(still, '1', new Date(now.getTime() + 3_600_000))).rejects.toThrow('stands still');
    const empty = { ...chain, registries: { ...chain.registries, identity: stranger.address } };
    await expect(readOwner(empty, '1', now)).rejects.toThrow('not an address');
  });

  it('is unknown when the registry fails with anything else than its own error', async () => {
    for (const code of Object.values(REFUSING_CODES)) {
      const broken = { ...chain, registries: { ...chain.registries, identity: await place(code) } };
      await expect(readOwner(broken, '1', now)).rejects.toThrow(RpcError);
    }
  });
});
