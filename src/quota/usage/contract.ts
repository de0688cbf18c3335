import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { timestamp, uuid } from '../../http/shapes.ts';

const count = z.int().min(0);
const balance = z.int().meta({ description: 'In micro-USDC (1 USDC = 1,000,000 micro-USDC)', examples: [50_000_000] });

/** What one of those who draw on the quota used in this hour. */
const share = { units: count, calls: count };

const credits = z
  .object({
    balance,
    balance_formatted: z.string().meta({ examples: ['50.00 USDC'] }),
    data: z.object({
      balance,
      usage_this_hour: count.meta({ description: 'Quota units' }),
      limit: count.meta({ description: 'Quota units an hour' }),
      reset_at: timestamp.meta({ description: 'When the hour is over; it begins with its first request' }),
      tier_breakdown: z.object({
        tier0_calls: count,
        tier1_calls: count,
        tier2_calls: count,
        tier3_calls: count,
        total_cost: count.meta({ description: 'Quota units' }),
      }),
      by_key: z.array(
        z.object({ key_id: z.string(), name: z.string().nullable(), prefix: z.string().nullable(), ...share }),
      ),
      by_member: z.array(z.object({ user_id: z.uuid(), username: z.string().nullable(), ...share })),
      by_agent: z.array(z.object({ wallet_address: z.string(), ...share })),
    }),
  })
  .meta({ id: 'Credits' });

export const getCredits = operation({
  id: 'getCredits',
  method: 'get',
  path: '/api/v1/billing/credits',
  tag: 'Billing',
  summary: 'Get the credit balance and the usage of this hour',
  description:
    'Usage of the whole organization, and how it divides: by key for those with `keys:read`, by member with ' +
    '`members:read`, by agent with `agents:read`. Without the permission a list holds the caller alone. Most units first.',
  security: { kind: 'organization', permission: 'billing:read' },
  cost: 1,
  query: z.object({
    organization_id: uuid.optional().meta({ description: 'Default: the personal organization; for a key, its own' }),
  }),
  success: { status: 200, description: 'Balance and usage', schema: credits },
  errors: ['service_unavailable'],
});

export const operations = [getCredits];
