import { getAddress } from 'viem';
import { describe, expect, it } from 'vitest';
import { CHAINS, chainById, registryAt, watchedChains } from '../../src/chain/chains.ts';

const URL_A = 'https://a.example/key';

describe('the table of chains', () => {
  it('holds the shipped chains, of which only the local one is for development', () => {
    expect(CHAINS.map(({ id }) => id)).toEqual([1, 8453, 11_155_111, 84_532, 59_141, 80_002, 31_337]);
    expect(CHAINS.filter(({ development }) => development).map(({ id }) => id)).toEqual([31_337]);
    expect(chainById(59_141)?.name).toBe('Linea Sepolia');
  });

  it('keeps addresses lower-case, and finds a registry by an address in any case', () => {
    for (const chain of CHAINS) {
      for (const address of Object.values(chain.registries)) {
        expect(address).toBe(address.toLowerCase());
        expect(getAddress(address)).toMatch(/^0x8004/);
      }
    }
    const local = chainById(31_337);
    expect(local && registryAt(local, '0x8004B663056A597Dffe9eCcC1965A193B7388713')).toBe('reputation');
    expect(local && registryAt(local, '0x8004BAa17C55a88189AE136b182e5fdA19dE9b63')).toBeUndefined();
  });

  it('never calls final what is not confirmed', () => {
    for (const chain of CHAINS) expect(chain.finality).toBeGreaterThanOrEqual(chain.confirmations);
    const [chain] = watchedChains({ rpcUrls: { 1: [URL_A] }, confirmations: { 1: 500 } });
    expect(chain).toMatchObject({ confirmations: 500, finality: 500 });
  });
});

describe('the watched chains', () => {
  it('are those with an endpoint, with the deployment’s own settings', () => {
    const chains = watchedChains({
      rpcUrls: { 84532: [URL_A], 1: [], 31337: [URL_A, 'http://127.0.0.1:8545'] },
      startBlocks: { 31337: 0, 84532: 40_000_000 },
      confirmations: { 84532: 0 },
      pollMs: { 84532: 2_000 },
    });
    expect(chains.map(({ id, rpcUrls }) => [id, rpcUrls.length])).toEqual([
      [84_532, 1],
      [31_337, 2],
    ]);
    expect(chains[0]).toMatchObject({ startBlock: 40_000_000, confirmations: 0, pollMs: 2_000, name: 'Base Sepolia' });
  });

  it('cannot include a chain that the table does not have', () => {
    expect(() => watchedChains({ rpcUrls: { 5: [URL_A] } })).toThrow(
      'no such chain: 5; known are 1, 8453, 11155111, 84532, 59141, 80002, 31337',
    );
  });
});
