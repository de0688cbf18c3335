import { encodeDeployData, getContractAddress, type Hex, serializeErc6492Signature } from 'viem';

const hex = (length: number) => length.toString(16).padStart(2, '0');

/**
 * Runtime code of a wallet that follows ERC-1271: `isValidSignature` recovers the signer of the hash from a 65-byte
 * signature and answers the magic value when that is `owner`, else zero.
 */
export const walletCode = (owner: Hex): Hex =>
  `0x${[
    '6004355f52', // mem[0] = hash
    '60a4355f1a602052', // mem[32] = v
    '6064356040526084356060', // mem[64] = r, mem[96] = s
    '5260205f60805f60015afa50', // mem[0] = ecrecover(mem[0..128])
    `5f5173${owner.slice(2).toLowerCase()}14`,
    '631626ba7e60e01b025f5260205ff3',
  ].join('')}`;

/** Codes that no signature satisfies: a plain revert, an invalid instruction, a loop without end. */
export const REFUSING_CODES: Record<string, Hex> = { reverts: '0x5f5ffd', aborts: '0xfe', loops: '0x5b5f56' };

/** Runtime code of a factory that deploys its calldata with CREATE2 and salt zero. */
export const FACTORY_CODE: Hex = '0x365f5f375f365f5ff500';

/** A wallet that a factory would deploy: where it will be, and how its signatures are wrapped until then (ERC-6492). */
export function undeployedWallet(factory: Hex, owner: Hex) {
  const code = walletCode(owner).slice(2);
  const bytecode = encodeDeployData({ abi: [], bytecode: `0x60${hex(code.length / 2)}8060095f395ff3${code}` });
  const salt: Hex = `0x${'0'.repeat(64)}`;
  return {
    address: getContractAddress({ opcode: 'CREATE2', from: factory, salt, bytecode }).toLowerCase() as Hex,
    wrap: (signature: Hex) => serializeErc6492Signature({ address: factory, data: bytecode, signature }),
  };
}
