import * as z from 'zod';
import { ROLES } from '../../access/permissions.ts';
import { operation } from '../../http/operation.ts';
import { dataOf, line, pageOf, pageQuery, text, timestamp, uuid } from '../../http/shapes.ts';

const slug = z
  .string()
  .max(50)
  .regex(/^[a-z0-9-]+$/, 'must be lower-case letters, digits and hyphens')
  .meta({ minLength: 1, description: 'Unique', examples: ['my-company'] });

const organization = z
  .object({
    id: z.uuid(),
    name: z.string(),
    slug: z.string(),
    description: z.string().nullable(),
    is_personal: z.boolean(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'Organization' });

const membership = z.object({ organization, my_role: z.enum(ROLES) }).meta({ id: 'OrganizationMembership' });

export const createOrganization = operation({
  id: 'createOrganization',
  method: 'post',
  path: '/api/v1/organizations',
  tag: 'Organizations',
  summary: 'Create an organization',
  description: 'The caller becomes its owner.',
  security: { kind: 'user' },
  cost: 1,
  body: z
    .object({ name: line(1, 100), slug, description: text(0, 500).nullish() })
    .meta({ id: 'CreateOrganizationRequest' }),
  success: { status: 201, description: 'The organization', schema: dataOf(organization) },
  errors: ['conflict'],
});

export const listOrganizations = operation({
  id: 'listOrganizations',
  method: 'get',
  path: '/api/v1/organizations',
  tag: 'Organizations',
  summary: 'List the organizations one is a member of',
  security: { kind: 'user' },
  cost: 1,
  query: pageQuery,
  success: { status: 200, description: 'A page of organizations with the caller’s role', schema: pageOf(membership) },
});

export const getOrganization = operation({
  id: 'getOrganization',
  method: 'get',
  path: '/api/v1/organizations/{id}',
  tag: 'Organizations',
  summary: 'Get an organization',
  security: { kind: 'organization', permission: 'organizations:read' },
  cost: 1,
  params: z.object({ id: uuid }),
  success: { status: 200, description: 'The organization and the caller’s role', schema: dataOf(membership) },
});

export const operations = [createOrganization, listOrganizations, getOrganization];
