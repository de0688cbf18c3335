import type { Ctx } from '../../access/ctx.ts';
import type { WalletPrincipal } from '../../access/principal.ts';
import type { WatchedChain } from '../../chain/chains.ts';
import { isSignedByAccount, isSignedByContract, type SignedText } from '../../chain/signature.ts';
import { AppError, invalidField } from '../../kernel/errors.ts';
import { audit } from '../../telemetry/audit.ts';
import { activeLinksOf, type LinkRow } from '../agents/store.ts';
import type { TokenSettings } from '../jwt.ts';
import { askingChain, checkChallenge, issueChallenge, spendChallenge } from './challenge.ts';
import * as contract from './contract.ts';
import { showAgentId } from './shapes.ts';
import { signWalletToken, WALLET_TOKEN_SECONDS } from './tokens.ts';

export interface WalletDeps {
  baseUrl: string;
  chains: readonly WatchedChain[];
  tokens: TokenSettings;
}

/** What the text names where neither the wallet nor the deployment says which chain: Ethereum. */
const DEFAULT_CHAIN = 1;

interface ChallengeRequest {
  wallet_address: string;
  organization_id?: string | undefined;
  chain_id?: number | undefined;
}

/**
 * Anyone may ask, about any wallet and organization: nothing is looked up. So there is nobody whose trail a row could go
 * to: the organization that a stranger names is not theirs to write in.
 */
export async function challengeWallet(ctx: Ctx, { baseUrl, chains }: WalletDeps, input: ChallengeRequest) {
  const organizationId = input.organization_id ?? null;
  const wording = {
    baseUrl,
    path: contract.logInWallet.path,
    chainId: input.chain_id ?? chains[0]?.id ?? DEFAULT_CHAIN,
    statement: 'Sign in with the wallet of a linked agent.',
    resources: ['urn:weir:action:login', ...(organizationId ? [`urn:weir:organization:${organizationId}`] : [])],
  };
  const binding = {
    purpose: 'login' as const,
    walletAddress: input.wallet_address,
    organizationId,
    chainId: input.chain_id ?? null,
  };
  return issueChallenge(ctx.db.query, binding, wording, ctx.clock());
}

interface LoginRequest {
  wallet_address: string;
  challenge: string;
  signature: string;
}

/**
 * @throws AppError `bad_request` for a challenge that is no good, and when several organizations come into question;
 * `unauthorized` for a signature that is not the wallet's; `forbidden` when none of its agents is linked
 */
export async function logInWallet(ctx: Ctx, deps: WalletDeps, input: LoginRequest) {
  const now = ctx.clock();
  const walletAddress = input.wallet_address;
  const spent = await spendChallenge(ctx.db.query, input.challenge, { purpose: 'login', walletAddress });
  const { message, organizationId, chainId } = checkChallenge(spent, input.challenge, now);
  const watched = deps.chains.filter(({ id }) => chainId === null || id === chainId);
  const links = await activeLinksOf(ctx.db.query, {
    walletAddress,
    organizationId,
    chainIds: watched.map(({ id }) => id),
  });
  const signed = { text: message, address: walletAddress, signature: input.signature };
  const proven = await provenLinks(watched, signed, links, now);
  const [first] = proven;
  if (!first) throw new AppError('forbidden', 'No agent of this wallet is linked to an organization');
  if (proven.some((link) => link.organizationId !== first.organizationId)) {
    throw invalidField(
      'organization_id',
      'must be named in the challenge: the wallet has agents in several organizations',
    );
  }
  return openWalletSession(ctx, deps, first, proven);
}

/**
 * The links that the signature speaks for: an account's key is the same everywhere, a contract wallet only proves
 * itself chain by chain. Where there is no link a chain is asked all the same: neither the answer nor the time it takes
 * shall tell a stranger whether a wallet is linked.
 */
async function provenLinks(watched: readonly WatchedChain[], signed: SignedText, links: LinkRow[], now: Date) {
  if (await isSignedByAccount(signed)) return links;
  const linked = watched.filter(({ id }) => links.some((link) => link.chainId === id));
  const asked = linked.length > 0 ? linked : watched.slice(0, 1);
  const answers = await Promise.allSettled(
    asked.map((chain) => askingChain(chain, isSignedByContract(chain, signed, now))),
  );
  const yes = new Set(asked.filter((_, at) => isTrue(answers[at])).map(({ id }) => id));
  const silent = answers.find((answer) => answer.status === 'rejected');
  if (yes.size === 0 && silent) throw silent.reason;
  if (yes.size === 0) throw new AppError('unauthorized', 'The signature is not the wallet’s');
  return links.filter((link) => yes.has(link.chainId));
}

const isTrue = (answer: PromiseSettledResult<boolean> | undefined) => answer?.status === 'fulfilled' && answer.value;

async function openWalletSession(ctx: Ctx, deps: WalletDeps, link: LinkRow, links: readonly LinkRow[]) {
  const { organizationId, walletAddress: address } = link;
  const wallet: WalletPrincipal = { kind: 'wallet', address, organizationId, linkId: link.id, userId: link.createdBy };
  await ctx.db.transaction((tx) =>
    audit(
      tx,
      { ...ctx, principal: wallet },
      {
        action: 'wallet.login',
        target: { type: 'agent_link', id: link.id },
        organizationId,
      },
    ),
  );
  return {
    token: await signWalletToken(deps.tokens, wallet, ctx.clock()),
    expires_in: WALLET_TOKEN_SECONDS,
    wallet_address: address,
    organization_id: organizationId,
    agents: links.map(({ agentId, chainId }) => ({ agent_id: showAgentId(agentId), chain_id: chainId })),
  };
}
