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

const membership = z
  .object({ organization, my_role: z.enum(ROLES).nullable().meta({ description: 'null for a key or wallet' }) })
  .meta({ id: 'OrganizationMembership' });

const name = line(1, 100);
const description = text(0, 500).nullable();
const byId = z.object({ id: uuid });

export const createOrganization = operation({
  id: 'createOrganization',
  method: 'post',
  path: '/api/v1/organizations',
  tag: 'Organizations',
  summary: 'Create an organization',
  description: 'The caller becomes its owner.',
  security: { kind: 'user' },
  cost: 1,
  body: z.object({ name, slug, description: description.optional() }).meta({ id: 'CreateOrganizationRequest' }),
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
  params: byId,
  success: { status: 200, description: 'The organization and the caller’s role', schema: dataOf(membership) },
});

export const updateOrganization = operation({
  id: 'updateOrganization',
  method: 'put',
  path: '/api/v1/organizations/{id}',
  tag: 'Organizations',
  summary: 'Update an organization',
  description: 'Changes the fields that are sent. The slug stays.',
  security: { kind: 'organization', permission: 'organizations:write' },
  cost: 1,
  params: byId,
  body: z.object({ name, description }).partial().meta({ id: 'UpdateOrganizationRequest' }),
  success: { status: 200, description: 'The organization as it is now', schema: dataOf(organization) },
});

export const deleteOrganization = operation({
  id: 'deleteOrganization',
  method: 'delete',
  path: '/api/v1/organizations/{id}',
  tag: 'Organizations',
  summary: 'Delete an organization',
  description: 'By its owner, with everything that belongs to it. A personal organization cannot be deleted.',
  security: { kind: 'organization', permission: 'organizations:delete' },
  cost: 1,
  params: byId,
  success: { status: 204, description: 'The organization is gone' },
  errors: ['bad_request'],
});

export const transferOrganization = operation({
  id: 'transferOrganization',
  method: 'post',
  path: '/api/v1/organizations/{id}/transfer',
  tag: 'Organizations',
  summary: 'Transfer the ownership of an organization',
  description:
    'To another member. The owner until now becomes an admin. A personal organization cannot be transferred.',
  security: { kind: 'organization', permission: 'organizations:transfer' },
  cost: 1,
  params: byId,
  body: z.object({ new_owner_id: uuid }).meta({ id: 'TransferOrganizationRequest' }),
  success: { status: 200, description: 'The organization', schema: dataOf(organization) },
  errors: ['bad_request'],
});

export const operations = [
  createOrganization,
  listOrganizations,
  getOrganization,
  updateOrganization,
  deleteOrganization,
  transferOrganization,
];
