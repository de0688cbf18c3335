import type { Admission } from '../../access/admission.ts';
import type { EdgeKey } from '../../access/edge.ts';
import { permissionsOfKey } from '../../access/key-permissions.ts';
import type { KeyPrincipal } from '../../access/principal.ts';
import { AppError } from '../../kernel/errors.ts';
import { type KeySecrets, parseKey } from './key.ts';

/** A key that the organization's object has found good for the request, which it has charged at the same time. */
interface AdmittedKey {
  key: Pick<EdgeKey, 'id' | 'userId' | 'environment' | 'type' | 'permissions'> & { limited: boolean };
  admission: Admission;
}

export interface KeyResolverDeps {
  keySecrets: KeySecrets;
  /** Asks the organization's object. */
  admit(organizationId: string, hash: string): Promise<AdmittedKey>;
}

/**
 * Who a key stands for, on this request. The answer holds for this request alone: only the organization's object knows
 * whether the key is still good for the next one.
 * @throws AppError `unauthorized`, the same whatever is wrong with the key; and what `admit` refuses with
 */
export async function resolveKey(
  { keySecrets, admit }: KeyResolverDeps,
  text: string,
): Promise<{ caller: KeyPrincipal; admission: Admission }> {
  const parsed = await parseKey(keySecrets, text);
  if (!parsed) throw new AppError('unauthorized', 'The API key is unknown, revoked or expired');
  const { organizationId, hash } = parsed;
  const { key, admission } = await admit(organizationId, hash);
  const { id, userId, environment, limited } = key;
  const permissions = permissionsOfKey(key);
  const granted = key.permissions;
  const caller = {
    kind: 'key',
    keyId: id,
    hash,
    organizationId,
    userId,
    environment,
    permissions,
    granted,
    limited,
  } as const;
  return { caller, admission };
}
