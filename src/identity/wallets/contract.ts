import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { dataOf, uuid } from '../../http/shapes.ts';
import { chainId, challenge, issuedChallenge, shownAgentId, signature, walletAddress } from './shapes.ts';

const walletSession = z
  .object({
    token: z.string().meta({ description: 'Access token of the wallet (JWT, HS256)' }),
    expires_in: z.int().meta({ description: 'Seconds' }),
    wallet_address: z.string(),
    organization_id: z.uuid(),
    agents: z.array(z.object({ agent_id: shownAgentId, chain_id: z.int() })),
  })
  .meta({ id: 'WalletSession' });

export const challengeWallet = operation({
  id: 'challengeWallet',
  method: 'post',
  path: '/api/v1/auth/wallet/challenge',
  tag: 'Authentication',
  summary: 'Get a text to sign in with a wallet',
  description:
    'Says nothing about whether the wallet is linked. `organization_id` is needed by a wallet whose agents are linked to several organizations; `chain_id` says on which chain a contract wallet signs.',
  security: { kind: 'public' },
  cost: 0,
  body: z
    .object({ wallet_address: walletAddress, organization_id: uuid.optional(), chain_id: chainId.optional() })
    .meta({ id: 'WalletChallengeRequest' }),
  success: {
    status: 201,
    description: 'The text, valid for 5 minutes and for one use',
    schema: dataOf(issuedChallenge),
  },
  errors: ['RATE_LIMITED'],
});

export const logInWallet = operation({
  id: 'logInWallet',
  method: 'post',
  path: '/api/v1/auth/wallet',
  tag: 'Authentication',
  summary: 'Sign in with the wallet of a linked agent',
  description: 'The token acts as a member of the organization for as long as the agent’s link is active.',
  security: { kind: 'public' },
  cost: 0,
  ownTransactions: true,
  body: z.object({ wallet_address: walletAddress, challenge, signature }).meta({ id: 'WalletLoginRequest' }),
  success: { status: 200, description: 'Signed in', schema: walletSession },
  errors: ['bad_request', 'unauthorized', 'forbidden', 'RATE_LIMITED', 'service_unavailable'],
});

export const operations = [challengeWallet, logInWallet];
