import {
  encodeDeployData,
  encodeFunctionData,
  erc6492SignatureValidatorAbi,
  erc6492SignatureValidatorByteCode,
  type Hex,
  hashMessage,
  isErc6492Signature,
  parseAbi,
  recoverMessageAddress,
} from 'viem';
import { askChain } from './ask.ts';
import type { WatchedChain } from './chains.ts';
import type { ContractRpc } from './rpc.ts';
import { RpcError } from './rpc-error.ts';

/** A text and who is said to have signed it (EIP-191 `personal_sign`). */
export interface SignedText {
  text: string;
  address: string;
  /** 0x-hex of any length: what a contract takes for a signature is its own affair. */
  signature: string;
}

/**
 * Whether the key of a plain account signed. Every form of the same signature counts (either half of the curve for
 * `s`, `v` from 0 or from 27): what stops a replay is the nonce in the text.
 */
export async function isSignedByAccount({ text, address, signature }: SignedText): Promise<boolean> {
  const signer = await recoverMessageAddress({ message: text, signature: signature as Hex }).catch(() => undefined);
  return signer?.toLowerCase() === address.toLowerCase();
}

/**
 * Whether a contract wallet accepts the signature on its chain: one that is deployed (ERC-1271), or one that is yet to
 * be (ERC-6492). Asked for directly, since the library's own verification takes an endpoint's failure for a "no".
 * @throws RpcError when no endpoint can answer
 */
export async function isSignedByContract(chain: WatchedChain, signed: SignedText, now: Date): Promise<boolean> {
  const hash = hashMessage(signed.text);
  const wrapped = isErc6492Signature(signed.signature as Hex);
  return askChain(chain, now, (rpc, block) =>
    wrapped ? validate(rpc, block, hash, signed) : askWallet(rpc, block, hash, signed),
  );
}

const ERC1271 = parseAbi(['function isValidSignature(bytes32 hash, bytes signature) view returns (bytes4)']);
/** `isValidSignature`'s own selector, as a 32-byte word. */
const ACCEPTED = `0x1626ba7e${'0'.repeat(56)}`;

async function askWallet(rpc: ContractRpc, block: number, hash: Hex, { address, signature }: SignedText) {
  if (!(await rpc.hasCode(address, block))) return false;
  const data = encodeFunctionData({
    abi: ERC1271,
    functionName: 'isValidSignature',
    args: [hash, signature as Hex],
  });
  const answer = await rpc.read({ to: address, data }, block);
  return !answer.reverted && answer.data === ACCEPTED;
}

/** ERC-6492's validator is run as creation code, so nothing needs to be deployed for it. */
async function validate(rpc: ContractRpc, block: number, hash: Hex, { address, signature }: SignedText) {
  const data = encodeDeployData({
    abi: erc6492SignatureValidatorAbi,
    args: [address as Hex, hash, signature as Hex],
    bytecode: erc6492SignatureValidatorByteCode,
  });
  const answer = await rpc.read({ data }, block);
  if (answer.reverted || answer.data === '0x00') return false;
  if (answer.data === '0x01') return true;
  throw new RpcError('other', 'eth_call: the signature validator gave no answer');
}
