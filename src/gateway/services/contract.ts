import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { pageOf, pageQuery, timestamp, uuid } from '../../http/shapes.ts';
import { BALANCING_ALGORITHMS, LIFECYCLES, VISIBILITIES } from '../compiled.ts';
import { UPSTREAM_HEALTH } from '../watch/protocol.ts';
import { SERVICE_STATUS, UPSTREAM_STATES } from './status.ts';

const lifecycle = z.enum(LIFECYCLES).meta({ description: 'By now: `retired` answers 410' });

const upstream = z
  .object({
    url: z.string(),
    weight: z.int(),
    backup: z.boolean().meta({ description: 'Takes calls only while no other can' }),
    state: z.enum(UPSTREAM_STATES).meta({
      description:
        'Whether it takes calls (`serving`; `standby` for a backup), or why not. `unproven`: it has not been shown that ' +
        'the host is the organization’s own; `refused`: its name leads to an address that is not public',
    }),
    breaker: z.object({
      state: z.enum(['closed', 'open', 'half_open']),
      since: timestamp.nullable(),
      window: z
        .object({ calls: z.int(), failures: z.int(), slow: z.int() })
        .meta({ description: 'What is counted at the moment' }),
    }),
    health: z.object({
      state: z.enum(UPSTREAM_HEALTH).meta({ description: 'By health checks; `unknown` without any' }),
      checked_at: timestamp.nullable(),
    }),
    ejected_until: timestamp.nullable(),
  })
  .meta({ id: 'ServiceUpstream' });

const service = z
  .object({
    id: z.uuid(),
    slug: z.string(),
    name: z.string(),
    status: z.enum(SERVICE_STATUS).meta({
      description:
        '`healthy`: every upstream can take calls; `degraded`: some; `unhealthy`: none; `unknown`: nothing was heard of them yet',
    }),
    lifecycle,
    visibility: z.enum(VISIBILITIES),
    base_urls: z.array(z.string()).meta({
      description: 'Where it is called, the organization’s own hosts first',
      examples: [
        ['https://orders.acme.com', 'https://api.example.com/g/acme/orders', 'https://api.example.com/api/v1/orders'],
      ],
    }),
    default_version: z.string().nullable(),
    versions: z.array(z.object({ name: z.string(), status: lifecycle })),
    pools: z.array(
      z.object({ name: z.string(), algorithm: z.enum(BALANCING_ALGORITHMS), upstreams: z.array(upstream) }),
    ),
    last_call_at: timestamp.nullable().meta({ description: 'To within about a second; null when none is remembered' }),
  })
  .meta({ id: 'Service' });

export const listServices = operation({
  id: 'listServices',
  method: 'get',
  path: '/api/v1/services',
  tag: 'Services',
  summary: 'List the services and how they are',
  description:
    'The registered APIs of an organization, by slug, with what is known of their upstreams: circuit breakers, health checks, ' +
    'ejections.',
  security: { kind: 'organization', permission: 'apis:read' },
  cost: 1,
  query: pageQuery.extend({
    organization_id: uuid.optional().meta({ description: 'Default: the personal organization; for a key, its own' }),
  }),
  success: { status: 200, description: 'A page of services', schema: pageOf(service) },
});

const DEPENDENCY_STATUS = ['healthy', 'unhealthy'] as const;

const dependency = z.object({
  name: z.string().meta({ examples: ['database', 'cache', 'chain:8453'] }),
  status: z.enum(DEPENDENCY_STATUS),
  required: z.boolean().meta({ description: 'Whether requests fail without it' }),
});

export const getServicesHealth = operation({
  id: 'getServicesHealth',
  method: 'get',
  path: '/health/services',
  tag: 'Health',
  summary: 'Whether the services behind this deployment work',
  description:
    'What the deployment itself depends on; asked at most every few seconds. Answers 503 with the same body when one ' +
    'without which requests fail is down. How an organization’s own services are is told to its members by `GET /api/v1/services`.',
  security: { kind: 'public' },
  cost: 0,
  success: {
    status: 200,
    description: 'Every required service works',
    schema: z
      .object({
        status: z.enum(['healthy', 'degraded', 'unhealthy']),
        services: z.array(dependency),
        checked_at: timestamp,
      })
      .meta({ id: 'ServicesHealth' }),
  },
  errors: ['service_unavailable'],
});

export const operations = [listServices, getServicesHealth];
