import type { KeyType } from '../../access/edge.ts';
import { isOwnScope, isPermission, mayHold, PERMISSION_WORDS } from '../../access/key-permissions.ts';
import { PERMISSIONS } from '../../access/permissions.ts';
import { invalidField } from '../../kernel/errors.ts';

/** @throws AppError `validation_failed` naming what a key of this type cannot hold */
export function refuseUnusable(type: KeyType, permissions: readonly string[]): void {
  for (const text of permissions) {
    const fault = faultOf(type, text);
    if (fault) throw invalidField('permissions', fault);
  }
}

function faultOf(type: KeyType, text: string): string | undefined {
  if (text === 'admin') return type === 'admin' ? undefined : `only a key of type admin can hold "admin"`;
  if (PERMISSION_WORDS.has(text)) return undefined;
  if (isOwnScope(text)) return undefined;
  if (!isPermission(text)) {
    return `"${text}" is no permission; there are read, write, admin, ${PERMISSIONS.join(', ')}, and your own \`resource:verb\``;
  }
  return mayHold(type, text) ? undefined : `a key of type ${type} cannot hold "${text}"`;
}
