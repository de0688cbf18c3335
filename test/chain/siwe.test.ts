import { parseSiweMessage } from 'viem/siwe';
import { describe, expect, it } from 'vitest';
import { composeSignIn, nonceOf, quotable } from '../../src/chain/siwe.ts';

const text = composeSignIn({
  baseUrl: 'https://weir.test:8443',
  path: '/api/v1/agents/link',
  address: '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266',
  chainId: 8453,
  nonce: '0123456789abcdef',
  statement: 'Link agent 7.',
  resources: ['urn:weir:action:link', 'urn:weir:agent:eip155:8453:0x8004a169fb4a3325136eb29fa0ceb6d2e539a432:7'],
  issuedAt: new Date('2026-01-02T03:04:05Z'),
  expiresAt: new Date('2026-01-02T03:09:05Z'),
});

describe('a text to sign', () => {
  it('is written as EIP-4361 says', () => {
    expect(text.split('\n')).toEqual([
      'weir.test:8443 wants you to sign in with your Ethereum account:',
      '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266',
      '',
      'Link agent 7.',
      '',
      'URI: https://weir.test:8443/api/v1/agents/link',
      'Version: 1',
      'Chain ID: 8453',
      'Nonce: 0123456789abcdef',
      'Issued At: 2026-01-02T03:04:05.000Z',
      'Expiration Time: 2026-01-02T03:09:05.000Z',
      'Resources:',
      '- urn:weir:action:link',
      '- urn:weir:agent:eip155:8453:0x8004a169fb4a3325136eb29fa0ceb6d2e539a432:7',
    ]);
    expect(parseSiweMessage(text)).toMatchObject({
      domain: 'weir.test:8443',
      chainId: 8453,
      statement: 'Link agent 7.',
    });
  });

  it('is found again by its nonce', () => {
    expect(nonceOf(text)).toBe('0123456789abcdef');
    for (const other of ['', 'Nonce: short', 'xNonce: 0123456789', 'Nonce: 01234567 89', `Nonce: ${'a'.repeat(65)}`]) {
      expect(nonceOf(other)).toBeUndefined();
    }
  });
});

describe('a name in a statement', () => {
  it.each([
    ['My Company', 'My Company'],
    ['Müller & Söhne', 'Muller & Sohne'],
    ['\'\nURI: https://evil.example\u2028\u202e"', '_URI: https://evil.example_'],
    ['公司', '_'],
    ['x'.repeat(200), 'x'.repeat(100)],
  ])('%j is written as %j', (name, written) => {
    expect(quotable(name)).toBe(written);
  });
});
