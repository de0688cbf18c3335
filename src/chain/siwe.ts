import { getAddress, type Hex } from 'viem';
import { createSiweMessage } from 'viem/siwe';

/** What a wallet is asked to sign. */
export interface SignInText {
  /** The deployment's own address: domain and URI follow from it. */
  baseUrl: string;
  /** Where the signed text is to be sent, below `baseUrl`. */
  path: string;
  address: string;
  chainId: number;
  nonce: string;
  statement: string;
  resources: readonly string[];
  issuedAt: Date;
  expiresAt: Date;
}

/** The text of EIP-4361. */
export const composeSignIn = ({ baseUrl, path, address, expiresAt, resources, ...rest }: SignInText): string =>
  createSiweMessage({
    ...rest,
    domain: new URL(baseUrl).host,
    uri: baseUrl + path,
    version: '1',
    address: getAddress(address as Hex),
    expirationTime: expiresAt,
    resources: [...resources],
  });

/** The nonce that a text names; the text itself is no proof that we issued it. */
export const nonceOf = (text: string): string | undefined => /^Nonce: ([A-Za-z0-9]{8,64})$/m.exec(text)?.[1];

/** Whatever EIP-4361's grammar does not allow in a statement: line breaks, quotation marks, anything but ASCII. */
const OUTSIDE_STATEMENT = /[^A-Za-z0-9 :/?#[\]@!$&()*+,;=._~-]+/g;
const MAX_NAME = 100;

/** A name of a user's choosing as it may stand between single quotation marks in a statement. */
export const quotable = (name: string): string =>
  name.normalize('NFKD').replaceAll(/\p{M}/gu, '').replaceAll(OUTSIDE_STATEMENT, '_').slice(0, MAX_NAME);
