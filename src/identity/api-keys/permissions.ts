import type { KeyEnvironment, KeyType } from '../../access/edge.ts';
import { PERMISSIONS, type Permission, ROLE_PERMISSIONS } from '../../access/permissions.ts';
import { invalidField } from '../../kernel/errors.ts';

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

const WORDS: ReadonlyMap<string, readonly Permission[]> = new Map([
  ['read', endingIn('read', ROLE_PERMISSIONS.viewer)],
  ['write', endingIn('write', ROLE_PERMISSIONS.member)],
  ['admin', [...ROLE_PERMISSIONS.admin]],
]);

const MANAGEMENT = /^(keys:.*|(members|billing):write)$/;

const KNOWN: ReadonlySet<string> = new Set(PERMISSIONS);
const isPermission = (text: string): text is Permission => KNOWN.has(text);

const mayHold = (type: KeyType, permission: Permission) =>
  ROLE_PERMISSIONS.admin.has(permission) && !(type === 'standard' && MANAGEMENT.test(permission));

/** What a key may do, whatever its list says: the list may be older than the table. */
export function effectivePermissions(type: KeyType, permissions: readonly string[]): ReadonlySet<Permission> {
  const meant = permissions.flatMap((text) => {
    if (text === 'admin' && type !== 'admin') return [];
    return WORDS.get(text) ?? (isPermission(text) ? [text] : []);
  });
  return new Set(meant.filter((permission) => mayHold(type, permission)));
}

/** What an organization is made of: a key for trying things out must not change it. */
const REAL = /^(keys:.*|(agents|billing|members|organizations):write)$/;

/** What a key may do in its environment. */
export function usablePermissions(
  environment: KeyEnvironment,
  permissions: ReadonlySet<Permission>,
): ReadonlySet<Permission> {
  if (environment === 'live') return permissions;
  return new Set([...permissions].filter((permission) => !REAL.test(permission)));
}

/** @throws AppError `validation_failed` naming what a key of this type cannot hold */
export function refuseUnusable(type: KeyType, permissions: readonly string[]): void {
  for (const text of permissions) {
    const fault = faultOf(type, text);
    if (fault) throw invalidField('permissions', fault);
  }
}

function faultOf(type: KeyType, text: string): string | undefined {
  if (text === 'admin') return type === 'admin' ? undefined : `only a key of type admin can hold "admin"`;
  if (WORDS.has(text)) return undefined;
  if (!isPermission(text)) return `"${text}" is no permission; there are read, write, admin, ${PERMISSIONS.join(', ')}`;
  return mayHold(type, text) ? undefined : `a key of type ${type} cannot hold "${text}"`;
}
