import * as z from 'zod';
import { operation } from '../../../http/operation.ts';
import { dataOf, pageOf, pageQuery, timestamp } from '../../../http/shapes.ts';
import { inOrganization, organization_id, READ, SHARED, WRITE } from '../paths.ts';
import { proofShape } from './proof-shape.ts';

const upstreamHost = z
  .object({
    host: z.string().meta({ examples: ['orders.example.com'] }),
    status: z.enum(['pending', 'proven', 'missing']).meta({
      description:
        'Upstreams on it get traffic while it is `proven`, and for two weeks after what it had shown was found `missing`',
    }),
    proof: proofShape,
    proven_at: timestamp.nullable(),
    missing_since: timestamp.nullable(),
    checked_at: timestamp.nullable(),
    created_at: timestamp,
  })
  .meta({ id: 'UpstreamHost' });

export const listUpstreamHosts = operation({
  ...SHARED,
  id: 'listUpstreamHosts',
  method: 'get',
  path: '/api/v1/upstream-hosts',
  summary: 'List the hosts of upstreams, and what they have to show',
  description: 'By name. Without hosts that the operator of this deployment vouches for.',
  security: READ,
  query: pageQuery.extend({ organization_id }),
  success: { status: 200, description: 'A page of hosts', schema: pageOf(upstreamHost) },
});

export const verifyUpstreamHost = operation({
  ...SHARED,
  id: 'verifyUpstreamHost',
  method: 'post',
  path: '/api/v1/upstream-hosts/{host}/verify',
  summary: 'Have a host looked at, so that its upstreams get traffic',
  description: 'Looks for the text in DNS and in the file. In force everywhere when the host is answered as `proven`.',
  security: WRITE,
  cost: 2,
  ownTransactions: true,
  params: z.object({
    host: z
      .string()
      .max(253)
      .regex(/^[a-z0-9._-]+$/),
  }),
  query: inOrganization,
  success: { status: 200, description: 'The host as it is now', schema: dataOf(upstreamHost) },
});

export const operations = [listUpstreamHosts, verifyUpstreamHost];
