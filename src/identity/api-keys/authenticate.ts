import type { KeyQuery, KeyRefusal, KeyUse, KeyVerdict } from '../../access/edge.ts';
import type { KeyPrincipal } from '../../access/principal.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { type KeySecrets, parseKey } from './key.ts';
import { effectivePermissions, usablePermissions } from './permissions.ts';

export interface KeyResolverDeps {
  keySecrets: KeySecrets;
  clock: Clock;
  /** Asks the organization's object. */
  identify(organizationId: string, query: KeyQuery): Promise<KeyVerdict>;
}

const RETRY_AFTER_SECONDS = 2;

const NO_GOOD = 'The API key is unknown, revoked or expired';

const REFUSALS: Readonly<Record<KeyRefusal, () => AppError>> = {
  unknown: () => new AppError('unauthorized', NO_GOOD),
  expired: () => new AppError('unauthorized', NO_GOOD),
  address: () => new AppError('forbidden', 'This API key may not be used from this address'),
  method: () => new AppError('forbidden', 'This API key may not be used with this method'),
  path: () => new AppError('forbidden', 'This API key may not be used on this path'),
};

/**
 * Who a key stands for, on this request. The answer holds for this request alone: only the organization's object knows
 * whether the key is still good for the next one.
 * @throws AppError `unauthorized`, the same whatever is wrong with the key; `forbidden` when it is not meant for such a
 * request; `service_unavailable` when its organization's object cannot be reached
 */
export async function resolveKey(deps: KeyResolverDeps, text: string, use: KeyUse): Promise<KeyPrincipal> {
  const parsed = await parseKey(deps.keySecrets, text);
  if (!parsed) throw REFUSALS.unknown();
  const { organizationId, hash } = parsed;
  const verdict = await deps.identify(organizationId, { ...use, hash, now: deps.clock() }).catch((cause: unknown) => {
    throw new AppError('service_unavailable', 'The API key cannot be checked at the moment', {
      retryAfter: RETRY_AFTER_SECONDS,
      cause,
    });
  });
  if (!verdict.ok) throw REFUSALS[verdict.refused]();
  const { id, userId, environment, type, permissions, limited } = verdict.key;
  return {
    kind: 'key',
    keyId: id,
    organizationId,
    userId,
    environment,
    permissions: usablePermissions(environment, effectivePermissions(type, permissions)),
    limited,
  };
}
