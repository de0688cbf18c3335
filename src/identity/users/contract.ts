import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { line, text, timestamp } from '../../http/shapes.ts';

/** Unicode's directional formatting characters (UAX #9): with them one name can be made to look like another. */
const BIDI_CONTROL = /\p{Bidi_Control}/u;

const username = line(3, 50)
  .refine((value) => value === value.trim(), 'must not begin or end with a blank')
  .refine((value) => !BIDI_CONTROL.test(value), 'must not contain characters that change the direction of writing')
  .transform((value) => value.normalize('NFC'))
  .meta({ description: 'Unique regardless of case', examples: ['john_doe'] });

const email = z
  .email()
  .max(254)
  .meta({ description: 'Unique regardless of case', examples: ['john@example.com'] });

/** 100 characters are at most 400 bytes, well within what is hashed. */
const password = text(8, 100).meta({ format: 'password' });

const user = z
  .object({
    id: z.uuid(),
    username: z.string(),
    email: z.string(),
    created_at: timestamp,
    last_login_at: timestamp.nullable(),
    is_active: z.boolean(),
  })
  .meta({ id: 'User' });

/** What every way of signing in answers with. */
export const session = z
  .object({
    token: z.string().meta({ description: 'Access token (JWT, HS256), valid for 1 hour' }),
    refresh_token: z
      .string()
      .meta({ description: 'Used once, within 30 days of signing in, for the next pair of tokens' }),
    user,
  })
  .meta({ id: 'Session' });

export const register = operation({
  id: 'register',
  method: 'post',
  path: '/api/v1/auth/register',
  tag: 'Authentication',
  summary: 'Register a user',
  description: 'Makes the account and its personal organization, and signs in.',
  security: { kind: 'public' },
  cost: 0,
  body: z.object({ username, email, password }).meta({ id: 'RegisterRequest' }),
  success: { status: 201, description: 'The account was made', schema: session },
  errors: ['conflict', 'RATE_LIMITED'],
});

export const login = operation({
  id: 'login',
  method: 'post',
  path: '/api/v1/auth/login',
  tag: 'Authentication',
  summary: 'Sign in',
  description:
    'Ten wrong passwords in a row lock the account for a while, at most an hour, but not at networks that it was signed in from within 30 days: each of them counts and locks for itself. A locked account and one that does not exist answer like a wrong password.',
  security: { kind: 'public' },
  cost: 0,
  ownTransactions: true,
  body: z
    .object({ username_or_email: text(1, 254), password: text(1, 100).meta({ format: 'password' }) })
    .meta({ id: 'LoginRequest' }),
  success: { status: 200, description: 'Signed in', schema: session },
  errors: ['unauthorized', 'account_disabled', 'RATE_LIMITED'],
});

export const changePassword = operation({
  id: 'changePassword',
  method: 'post',
  path: '/api/v1/auth/password',
  tag: 'Authentication',
  summary: 'Change one’s password',
  description:
    'Ends every other session; this one and its tokens go on. A wrong current password answers 403; the tenth in a row ends this session. A locked account can change it.',
  security: { kind: 'user' },
  cost: 0,
  ownTransactions: true,
  body: z
    .object({ current_password: text(1, 100).meta({ format: 'password' }), new_password: password })
    .meta({ id: 'ChangePasswordRequest' }),
  success: { status: 204, description: 'The password was changed' },
  errors: ['forbidden', 'RATE_LIMITED'],
});

export const operations = [register, login, changePassword];
