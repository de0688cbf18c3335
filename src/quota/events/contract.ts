import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { pageOf, pageQuery, text, timestamp, uuid } from '../../http/shapes.ts';

const event = z
  .object({
    id: z.uuid(),
    type: z.string().meta({ examples: ['upstream.opened', 'upstream_host.missing', 'quota.warning'] }),
    data: z.record(z.string(), z.unknown()),
    occurred_at: timestamp,
  })
  .meta({ id: 'OrganizationEvent' });

export const listOrganizationEvents = operation({
  id: 'listOrganizationEvents',
  method: 'get',
  path: '/api/v1/organizations/{id}/events',
  tag: 'Organizations',
  summary: 'List what an organization was told',
  description:
    'Of its upstreams (circuit breakers, health checks, ejections, proofs of their hosts), its quota and its deliveries. Newest first; kept for 90 days.',
  security: { kind: 'organization', permission: 'audit:read' },
  cost: 1,
  params: z.object({ id: uuid }),
  query: pageQuery.extend({
    type: text(1, 100)
      .optional()
      .meta({ examples: ['upstream.opened'] }),
  }),
  success: { status: 200, description: 'A page of events', schema: pageOf(event) },
});

export const operations = [listOrganizationEvents];
