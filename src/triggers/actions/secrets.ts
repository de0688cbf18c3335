import * as z from 'zod';
import { type KeyRing, open, seal } from '../../kernel/crypto.ts';
import type { ActionConfig, ConfigCheck } from './kind.ts';
import { ACTION_KINDS, type ActionType } from './kinds.ts';

/** What stands in the place of a secret wherever a config is stored or shown. */
export const SECRET_MASK = '********';

const secretValues = z.array(z.object({ path: z.array(z.string()), value: z.string() }));

/** The secrets of a config, each with its place in it. */
export type SecretValues = z.output<typeof secretValues>;

function read(config: ActionConfig, path: readonly string[]): unknown {
  let value: unknown = config;
  for (const key of path) {
    if (value === null || typeof value !== 'object') return undefined;
    value = Object.entries(value).find(([name]) => name === key)?.[1];
  }
  return value;
}

/** A copy of the config with another value at the path. */
function write(config: ActionConfig, [key, ...rest]: readonly string[], value: string): ActionConfig {
  if (key === undefined) return config;
  const inner = config[key];
  if (rest.length === 0) return { ...config, [key]: value };
  return inner !== null && typeof inner === 'object' ? { ...config, [key]: write({ ...inner }, rest, value) } : config;
}

/** Takes the secrets out of a valid config and leaves masks in their places: that config is stored and shown. */
export function splitSecrets(type: ActionType, config: ActionConfig): { config: ActionConfig; secrets: SecretValues } {
  const secrets: SecretValues = [];
  let masked = config;
  for (const path of ACTION_KINDS[type].secretPaths(config)) {
    const value = read(config, path);
    if (typeof value !== 'string') continue;
    secrets.push({ path, value });
    masked = write(masked, path, SECRET_MASK);
  }
  return { config: masked, secrets };
}

/** Puts the secrets back into a masked config, for sending. */
export const joinSecrets = (config: ActionConfig, secrets: SecretValues): ActionConfig =>
  secrets.reduce((joined, { path, value }) => write(joined, path, value), config);

/** Whether a config that was sent holds a mask where a secret belongs, so that the stored secrets are needed. */
export const hasMask = (type: ActionType, config: ActionConfig): boolean =>
  ACTION_KINDS[type].secretPaths(config).some((path) => read(config, path) === SECRET_MASK);

/**
 * Replaces the masks of a valid config by the secrets that are stored, so that an update may send back what it was
 * shown. Where the config now names another receiver, nothing is kept: whoever may edit an action could otherwise have
 * its secret, which they never saw, sent to themselves. A mask without a stored secret is a fault.
 */
export function keepSecrets(
  type: ActionType,
  sent: ActionConfig,
  stored?: { config: ActionConfig; secrets: SecretValues },
): ConfigCheck {
  const kind = ACTION_KINDS[type];
  const sameReceiver = stored !== undefined && kind.audience(stored.config) === kind.audience(sent);
  const details = [];
  let config = sent;
  for (const path of kind.secretPaths(sent)) {
    if (read(sent, path) !== SECRET_MASK) continue;
    const name = path.join('.');
    const known = stored?.secrets.find((secret) => secret.path.join('.') === name);
    if (known && sameReceiver) config = write(config, path, known.value);
    else if (known)
      details.push({ path: name, message: 'must be given again, because the action now names another receiver' });
    else
      details.push({
        path: name,
        message: 'is the mask of a secret, but no such secret is stored; give the secret itself',
      });
  }
  return details.length > 0 ? { ok: false, details } : { ok: true, config };
}

const secretsContext = (triggerId: string) => `action-secrets:${triggerId}`;
const signingContext = (triggerId: string) => `action-signing:${triggerId}`;

/** For the column `sealed_secrets`: `null` when there are none. */
export const sealSecrets = async (ring: KeyRing, triggerId: string, secrets: SecretValues): Promise<string | null> =>
  secrets.length === 0 ? null : seal(ring, JSON.stringify(secrets), secretsContext(triggerId));

/** Opens what `sealSecrets` made. Throws when the key is gone or the text was changed. */
export const openSecrets = async (ring: KeyRing, triggerId: string, sealed: string | null): Promise<SecretValues> =>
  sealed === null ? [] : secretValues.parse(JSON.parse(await open(ring, sealed, secretsContext(triggerId))));

/** For the column `sealed_signing_secret`. */
export const sealSigningSecret = (ring: KeyRing, triggerId: string, secret: string): Promise<string> =>
  seal(ring, secret, signingContext(triggerId));

/** Opens what `sealSigningSecret` made. */
export const openSigningSecret = (ring: KeyRing, triggerId: string, sealed: string): Promise<string> =>
  open(ring, sealed, signingContext(triggerId));
