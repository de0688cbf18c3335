import * as z from 'zod';
import { operation } from '../../../http/operation.ts';
import { dataOf, pageOf, pageQuery, timestamp } from '../../../http/shapes.ts';
import { slug } from '../definition.ts';
import { proofShape } from '../hosts/proof-shape.ts';
import { organization_id, READ, WRITE } from '../paths.ts';
import { branding, brandingChange, DOMAIN_STATUSES, readHostName } from './definition.ts';

const SHARED = { tag: 'Domains', cost: 1 } as const;

const host = z
  .string()
  .max(1_000)
  .transform((text, issues) => {
    const name = readHostName(text);
    if (name !== undefined) return name;
    issues.addIssue({ code: 'custom', message: 'must be a host name of at least two labels, such as api.acme.com' });
    return z.NEVER;
  })
  .meta({
    description: 'Names in other scripts are taken as well, and shown in their ASCII form',
    examples: ['api.acme.com'],
  });

const api = slug.nullable().meta({
  description: 'The API that every path of the domain belongs to; null: the first segment of the path names the API',
});

const shownText = z.string().nullable();

const domain = z
  .object({
    id: z.string().meta({ examples: ['domain_0192f0c1a2b37c4d8e9fa0b1c2d3e4f5'] }),
    organization_id: z.uuid(),
    host: z.string(),
    status: z.enum(DOMAIN_STATUSES).meta({
      description:
        '`failed`: the text was not there when it was looked for, or the host was shown to be another organization’s since',
    }),
    api: z.string().nullable(),
    branding: z.object({
      display_name: shownText,
      logo_url: shownText,
      favicon_url: shownText,
      primary_color: shownText,
      support_email: shownText,
      support_url: shownText,
    }),
    proof: proofShape,
    verified_at: timestamp.nullable(),
    checked_at: timestamp.nullable(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'Domain' });

const byId = z.object({ id: z.string().regex(/^domain_[0-9a-f]{32}$/) });

export const createDomain = operation({
  ...SHARED,
  id: 'createDomain',
  method: 'post',
  path: '/api/v1/domains',
  summary: 'Claim a domain',
  description:
    'Several organizations may claim the same host; the first that shows it to be its own has it. At most 50 domains an organization.',
  security: WRITE,
  body: z
    .object({ organization_id, host, api: api.optional(), branding: branding.optional() })
    .meta({ id: 'CreateDomainRequest' }),
  success: { status: 201, description: 'The domain, and what it has to show', schema: dataOf(domain) },
  errors: ['bad_request', 'conflict', 'service_unavailable'],
});

export const listDomains = operation({
  ...SHARED,
  id: 'listDomains',
  method: 'get',
  path: '/api/v1/domains',
  summary: 'List domains',
  description: 'Newest first.',
  security: READ,
  query: pageQuery.extend({ organization_id }),
  success: { status: 200, description: 'A page of domains', schema: pageOf(domain) },
});

export const getDomain = operation({
  ...SHARED,
  id: 'getDomain',
  method: 'get',
  path: '/api/v1/domains/{id}',
  summary: 'Get a domain',
  security: READ,
  params: byId,
  success: { status: 200, description: 'The domain', schema: dataOf(domain) },
});

export const updateDomain = operation({
  ...SHARED,
  id: 'updateDomain',
  method: 'put',
  path: '/api/v1/domains/{id}',
  summary: 'Update a domain',
  description: 'Changes the fields that are sent, of the branding too; `null` takes one away. The host stays.',
  security: WRITE,
  params: byId,
  body: z.object({ api, branding: brandingChange }).partial().meta({ id: 'UpdateDomainRequest' }),
  success: { status: 200, description: 'The domain as it is now', schema: dataOf(domain) },
  errors: ['service_unavailable'],
});

export const deleteDomain = operation({
  ...SHARED,
  id: 'deleteDomain',
  method: 'delete',
  path: '/api/v1/domains/{id}',
  summary: 'Delete a domain',
  security: WRITE,
  params: byId,
  success: { status: 204, description: 'Nothing is answered under it any more' },
  errors: ['service_unavailable'],
});

export const verifyDomain = operation({
  ...SHARED,
  id: 'verifyDomain',
  method: 'post',
  path: '/api/v1/domains/{id}/verify',
  summary: 'Have a domain looked at, so that APIs are reached under it',
  description:
    'Looks for the text in DNS and in the file. 409 when the host shows that it is another organization’s as well, which was first.',
  security: WRITE,
  cost: 2,
  ownTransactions: true,
  params: byId,
  success: { status: 200, description: 'The domain as it is now', schema: dataOf(domain) },
  errors: ['conflict', 'service_unavailable'],
});

export const operations = [createDomain, listDomains, getDomain, updateDomain, deleteDomain, verifyDomain];
