import * as z from 'zod';
import { ROLES } from '../../access/permissions.ts';
import { operation } from '../../http/operation.ts';
import { dataOf, pageOf, pageQuery, timestamp, uuid } from '../../http/shapes.ts';

/** A role that can be given: ownership only ever moves, by a transfer. */
const givenRole = (whyNotOwner: string) =>
  z.enum(['viewer', 'member', 'admin'], {
    error: ({ input }) => (input === 'owner' ? whyNotOwner : undefined),
  });

const member = z
  .object({
    id: z.int(),
    user_id: z.uuid(),
    username: z.string(),
    email: z.string().meta({
      description: 'In full to admins, the owner and oneself; to others masked',
      examples: ['jane@example.com', 'j***@e***.com'],
    }),
    role: z.enum(ROLES),
    created_at: timestamp,
  })
  .meta({ id: 'Member' });

const byUser = z.object({ id: uuid, user_id: uuid });

export const addMember = operation({
  id: 'addMember',
  method: 'post',
  path: '/api/v1/organizations/{id}/members',
  tag: 'Members',
  summary: 'Add a member',
  description: 'Not to a personal organization, which has one member: its owner.',
  security: { kind: 'organization', permission: 'members:write' },
  cost: 1,
  params: z.object({ id: uuid }),
  body: z.object({ user_id: uuid, role: givenRole('Cannot add as owner') }).meta({ id: 'AddMemberRequest' }),
  success: { status: 201, description: 'The member', schema: dataOf(member) },
  errors: ['bad_request', 'conflict'],
});

export const listMembers = operation({
  id: 'listMembers',
  method: 'get',
  path: '/api/v1/organizations/{id}/members',
  tag: 'Members',
  summary: 'List the members of an organization',
  description: 'In the order in which they joined.',
  security: { kind: 'organization', permission: 'members:read' },
  cost: 1,
  params: z.object({ id: uuid }),
  query: pageQuery,
  success: { status: 200, description: 'A page of members', schema: pageOf(member) },
});

export const updateMember = operation({
  id: 'updateMember',
  method: 'put',
  path: '/api/v1/organizations/{id}/members/{user_id}',
  tag: 'Members',
  summary: 'Change a member’s role',
  description: 'By the owner, whose own role changes only by a transfer of ownership.',
  security: { kind: 'organization', permission: 'members:roles' },
  cost: 1,
  params: byUser,
  body: z.object({ role: givenRole('Cannot change role to owner') }).meta({ id: 'UpdateMemberRequest' }),
  success: { status: 200, description: 'The member as it is now', schema: dataOf(member) },
  errors: ['bad_request'],
});

export const removeMember = operation({
  id: 'removeMember',
  method: 'delete',
  path: '/api/v1/organizations/{id}/members/{user_id}',
  tag: 'Members',
  summary: 'Remove a member',
  description: 'Members may remove themselves whatever their role. The owner transfers the organization first.',
  security: { kind: 'organization', permission: 'members:write' },
  cost: 1,
  params: byUser,
  success: { status: 204, description: 'The user is no member any more' },
  errors: ['bad_request'],
});

export const operations = [addMember, listMembers, updateMember, removeMember];
