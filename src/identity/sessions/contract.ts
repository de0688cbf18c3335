import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { pageOf, pageQuery, text, timestamp, uuid } from '../../http/shapes.ts';
import { session } from '../users/contract.ts';

const activeSession = z
  .object({
    id: z.uuid(),
    created_at: timestamp,
    last_used_at: timestamp.meta({ description: 'When its tokens were last renewed' }),
    user_agent: z.string().nullable().meta({ description: 'What the client called itself at sign-in' }),
    address: z.string().nullable().meta({ description: 'The address that signed in' }),
    current: z.boolean().meta({ description: 'Whether it is the session that asks' }),
  })
  .meta({ id: 'ActiveSession' });

export const refresh = operation({
  id: 'refreshToken',
  method: 'post',
  path: '/api/v1/auth/refresh',
  tag: 'Authentication',
  summary: 'Trade a refresh token for new tokens',
  description:
    'A refresh token works once; one that comes back ends its session. Of several uses at the same moment one wins, and the others are refused.',
  security: { kind: 'public' },
  cost: 0,
  ownTransactions: true,
  body: z.object({ refresh_token: text(1, 200) }).meta({ id: 'RefreshRequest' }),
  success: { status: 200, description: 'The next pair of tokens', schema: session },
  errors: ['unauthorized', 'account_disabled', 'RATE_LIMITED'],
});

export const logout = operation({
  id: 'logout',
  method: 'post',
  path: '/api/v1/auth/logout',
  tag: 'Authentication',
  summary: 'Sign out',
  description: 'Ends the session that asks: its tokens are refused from the next request on.',
  security: { kind: 'user' },
  cost: 0,
  success: { status: 204, description: 'Signed out' },
});

export const listSessions = operation({
  id: 'listSessions',
  method: 'get',
  path: '/api/v1/auth/sessions',
  tag: 'Authentication',
  summary: 'List the sessions one is signed in with',
  security: { kind: 'user' },
  cost: 0,
  query: pageQuery,
  success: { status: 200, description: 'A page of running sessions, newest first', schema: pageOf(activeSession) },
});

export const revokeSession = operation({
  id: 'revokeSession',
  method: 'delete',
  path: '/api/v1/auth/sessions/{id}',
  tag: 'Authentication',
  summary: 'End one of one’s sessions',
  security: { kind: 'user' },
  cost: 0,
  params: z.object({ id: uuid }),
  success: { status: 204, description: 'The session has ended' },
  errors: ['not_found'],
});

export const revokeOtherSessions = operation({
  id: 'revokeOtherSessions',
  method: 'delete',
  path: '/api/v1/auth/sessions',
  tag: 'Authentication',
  summary: 'End every other session of one’s own',
  security: { kind: 'user' },
  cost: 0,
  success: { status: 204, description: 'Only the session that asks goes on' },
});

export const operations = [refresh, logout, listSessions, revokeSession, revokeOtherSessions];
