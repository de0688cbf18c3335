/** Every permission there is: `resource:verb`. An operation declares one of them; roles and keys hold sets of them. */
export const PERMISSIONS = [
  'organizations:read',
  'organizations:write',
  'organizations:delete',
  'organizations:transfer',
  'members:read',
  'members:write',
  'members:roles',
  'keys:read',
  'keys:write',
  'agents:read',
  'agents:write',
  'audit:read',
  'triggers:read',
  'triggers:write',
  'events:read',
  'billing:read',
  'limits:read',
  'limits:write',
  'apis:read',
  'apis:write',
  'analytics:read',
  // Calls of registered APIs: GET, HEAD and OPTIONS need the first, every other method the second.
  'gateway:read',
  'gateway:write',
] as const;

export type Permission = (typeof PERMISSIONS)[number];

export const ROLES = ['viewer', 'member', 'admin', 'owner'] as const;

export type Role = (typeof ROLES)[number];

const VIEWER: readonly Permission[] = [
  'organizations:read',
  'members:read',
  'agents:read',
  'triggers:read',
  'events:read',
  'billing:read',
  'limits:read',
  'apis:read',
  'analytics:read',
  'gateway:read',
];
const MEMBER: readonly Permission[] = [...VIEWER, 'triggers:write', 'apis:write', 'gateway:write'];
const ADMIN: readonly Permission[] = [
  ...MEMBER,
  'organizations:write',
  'members:write',
  'keys:read',
  'keys:write',
  'agents:write',
  'audit:read',
  'limits:write',
];
const OWNER: readonly Permission[] = [...ADMIN, 'organizations:delete', 'organizations:transfer', 'members:roles'];

/** The one table of who may do what inside an organization. */
export const ROLE_PERMISSIONS: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  viewer: new Set(VIEWER),
  member: new Set(MEMBER),
  admin: new Set(ADMIN),
  owner: new Set(OWNER),
};
