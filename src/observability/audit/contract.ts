import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { dataOf, instant, pageOf, pageQuery, text, timestamp, uuid } from '../../http/shapes.ts';

const READ = { kind: 'organization', permission: 'audit:read' } as const;

const ofOrganization = z.object({
  organization_id: uuid.optional().meta({ description: 'Default: the personal organization; for a key, its own' }),
});

const entry = z
  .object({
    seq: z.int().meta({ description: 'Place in the organization’s chain, from 1' }),
    hash: z.string().meta({ description: 'SHA-256 (hex) over the hash before, seq and content' }),
    actor: z.string().meta({ examples: ['user:0192…', 'key:key_0192…', 'wallet:0x…', 'system:…'] }),
    action: z.string().meta({ examples: ['trigger.update'] }),
    target: z.object({ type: z.string(), id: z.string() }),
    before: z.record(z.string(), z.unknown()).nullable(),
    after: z.record(z.string(), z.unknown()).nullable(),
    address: z.string(),
    request_id: z.string(),
    created_at: timestamp,
    content: z.string().meta({ description: 'The text that was hashed, for verifying elsewhere' }),
  })
  .meta({ id: 'AuditEntry' });

export const listAuditLogs = operation({
  id: 'listAuditLogs',
  method: 'get',
  path: '/api/v1/audit-logs',
  tag: 'Audit',
  summary: 'List what was changed, by whom',
  description: 'Newest first.',
  security: READ,
  cost: 1,
  query: pageQuery.extend({
    ...ofOrganization.shape,
    actor: text(1, 200).optional(),
    action: text(1, 100).optional(),
    target_type: text(1, 100).optional(),
    target_id: text(1, 200).optional(),
    from: instant.optional(),
    to: instant.optional(),
  }),
  success: { status: 200, description: 'A page of entries', schema: pageOf(entry) },
});

export const verifyAuditLogs = operation({
  id: 'verifyAuditLogs',
  method: 'get',
  path: '/api/v1/audit-logs/verify',
  tag: 'Audit',
  summary: 'Check that no entry was changed, left out or put in',
  description: 'Recomputes the chain. Keep `head` elsewhere to prove later that nothing before it was changed.',
  security: READ,
  cost: 5,
  query: ofOrganization,
  success: {
    status: 200,
    description: 'Whether the chain is whole, and where it breaks first',
    schema: dataOf(
      z
        .object({
          valid: z.boolean(),
          entries: z.int(),
          head: z.object({ seq: z.int(), hash: z.string() }),
          first_fault: z.object({ seq: z.int(), reason: z.string() }).nullable(),
        })
        .meta({ id: 'AuditVerification' }),
    ),
  },
});

export const operations = [listAuditLogs, verifyAuditLogs];
