import * as z from 'zod';
import { line, text } from '../../http/shapes.ts';
import { SECOND } from '../../kernel/clock.ts';
import { checkUrl } from '../../outbound/guard.ts';
import { configCheck, faultAt, holdsStorable, originOf } from './config.ts';
import { faultsOfJson } from './json-template.ts';
import type { ActionKind } from './kind.ts';

const MAX_ARGUMENTS = 64 * 1024;

const mcpConfig = z.strictObject({
  server_url: text(1, 2048),
  tool_name: line(1, 256),
  arguments: z
    .record(z.string(), z.json())
    .refine(
      (value) => JSON.stringify(value).length <= MAX_ARGUMENTS,
      `must have at most ${MAX_ARGUMENTS} characters as JSON`,
    )
    .refine(holdsStorable, 'must hold only well-formed Unicode without NUL')
    .optional(),
  /** Sent as a bearer token: RFC 6750 §2.1 bounds its characters. */
  auth_token: z
    .string()
    .max(4096, 'must have at most 4096 characters')
    .regex(/^[\x21-\x7e]+$/, 'must hold only visible ASCII characters')
    .optional(),
  timeout_ms: z
    .int()
    .min(1 * SECOND)
    .max(30 * SECOND)
    .optional(),
});

export const mcp: ActionKind = {
  validate: configCheck(mcpConfig, ({ server_url, arguments: given = {} }, policy) => {
    const check = server_url.includes('{{')
      ? { ok: false as const, reason: 'must not have templates' }
      : checkUrl(server_url, policy);
    return [...faultAt('server_url', check.ok ? undefined : check.reason), ...faultsOfJson(given, 'arguments')];
  }),
  secretPaths: (config) => (config['auth_token'] === undefined ? [] : [['auth_token']]),
  audience: (config) => String(config['server_url']),
  endpoint: (config) => originOf(config['server_url']),
  send: async () => ({ outcome: 'permanent', error: 'MCP actions cannot be sent by this release' }),
};
