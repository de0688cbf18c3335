import type { EdgeKey, KeyEnvironment, KeyType } from './edge.ts';
import { PERMISSIONS, type Permission, ROLE_PERMISSIONS } from './permissions.ts';

/**
 * A key's permissions are single permissions of the table, or words for several:
 * - `read`: every `…:read` of a viewer;
 * - `write`: every `…:write` of a member; it does not include `read`;
 * - `admin`: all that an admin may; of an admin key alone.
 *
 * Nobody gives a key what only the owner may. A standard key never manages members, keys or billing.
 */
const endingIn = (verb: string, permissions: ReadonlySet<Permission>) =>
  [...permissions].filter((permission) => permission.endsWith(`:${verb}`));

export const PERMISSION_WORDS: ReadonlyMap<string, readonly Permission[]> = new Map([
  ['read', endingIn('read', ROLE_PERMISSIONS.viewer)],
  ['write', endingIn('write', ROLE_PERMISSIONS.member)],
  ['admin', [...ROLE_PERMISSIONS.admin]],
]);

const MANAGEMENT = /^(keys:.*|(members|billing):write)$/;

const KNOWN: ReadonlySet<string> = new Set(PERMISSIONS);
export const isPermission = (text: string): text is Permission => KNOWN.has(text);

export const mayHold = (type: KeyType, permission: Permission) =>
  ROLE_PERMISSIONS.admin.has(permission) && !(type === 'standard' && MANAGEMENT.test(permission));

/** What a key may do, whatever its list says: the list may be older than the table. */
export function effectivePermissions(type: KeyType, permissions: readonly string[]): ReadonlySet<Permission> {
  const meant = permissions.flatMap((text) => {
    if (text === 'admin' && type !== 'admin') return [];
    return PERMISSION_WORDS.get(text) ?? (isPermission(text) ? [text] : []);
  });
  return new Set(meant.filter((permission) => mayHold(type, permission)));
}

/** What an organization is made of: a key for trying things out must not change it. */
const REAL = /^(keys:.*|(agents|apis|billing|limits|members|organizations):write)$/;

/** What a key may do in its environment. */
function usablePermissions(environment: KeyEnvironment, permissions: ReadonlySet<Permission>): ReadonlySet<Permission> {
  if (environment === 'live') return permissions;
  return new Set([...permissions].filter((permission) => !REAL.test(permission)));
}

/** All that a key may do. */
export const permissionsOfKey = ({
  type,
  environment,
  permissions,
}: Pick<EdgeKey, 'type' | 'environment' | 'permissions'>) =>
  usablePermissions(environment, effectivePermissions(type, permissions));
