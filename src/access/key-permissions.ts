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

const RESOURCES: ReadonlySet<string> = new Set(PERMISSIONS.map((permission) => permission.split(':')[0] ?? ''));

const OWN_SCOPE = /^([a-z][a-z0-9_-]{0,31}):[a-z][a-z0-9_-]{0,31}$/;

/**
 * Whether a text is a scope of an organization's own: `resource:verb` about a resource that is none of the platform's. Its
 * keys may hold it and the endpoints of its APIs ask for it; to the platform it means nothing.
 */
export function isOwnScope(text: string): boolean {
  const resource = OWN_SCOPE.exec(text)?.[1];
  return resource !== undefined && !RESOURCES.has(resource);
}

/** Whether a key's list has a scope that an endpoint asks for. */
export const holdsScope = (permissions: readonly string[], scope: string): boolean =>
  permissions.includes(scope) || permissions.includes('admin');

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

type KeyTerms = Pick<EdgeKey, 'type' | 'environment' | 'permissions'>;

/** By the list itself: what is known of a key, list and all, stays the same from one request to the next. */
const known = new WeakMap<
  readonly string[],
  Pick<KeyTerms, 'type' | 'environment'> & { all: ReadonlySet<Permission> }
>();

/** All that a key may do. */
export function permissionsOfKey({ type, environment, permissions }: KeyTerms): ReadonlySet<Permission> {
  const before = known.get(permissions);
  if (before?.type === type && before.environment === environment) return before.all;
  const all = usablePermissions(environment, effectivePermissions(type, permissions));
  known.set(permissions, { type, environment, all });
  return all;
}
