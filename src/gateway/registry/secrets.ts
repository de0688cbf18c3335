import { type KeyRing, open, seal } from '../../kernel/crypto.ts';
import { AppError, type ErrorDetail } from '../../kernel/errors.ts';
import { audiencesOf, PART } from './audience.ts';
import type { ApiDefinition } from './definition.ts';
import { type PolicyFields, SECRET_MASK } from './policy-shape.ts';

/**
 * The credentials that are injected for upstreams. In a definition that is stored they are sealed, in one that is shown
 * they are masks, and in one that is sent they are either themselves or masks.
 */

const contextOf = (apiId: string) => `api:${apiId}:credential`;

interface Secret {
  /** Where it is used, whatever the order of things. */
  place: string;
  /** The part of the definition that it belongs to, as `audiencesOf` names them. */
  part: string;
  /** Where it stands in the definition. */
  path: string;
  text: string;
}

function* secretsIn(fields: PolicyFields, part: string, path: string): Generator<Secret> {
  for (const [index, { in: place, name, secret }] of (fields.credentials?.inject ?? []).entries()) {
    const at = `${path}credentials.inject.${index}.secret`;
    yield { place: `${part} ${place} ${name.toLowerCase()}`, part, path: at, text: secret };
  }
}

function* secretsOf(api: ApiDefinition): Generator<Secret> {
  yield* secretsIn(api, PART.api, '');
  for (const [index, version] of (api.versions ?? []).entries())
    yield* secretsIn(version, PART.version(version), `versions.${index}.`);
  for (const [index, endpoint] of (api.endpoints ?? []).entries())
    yield* secretsIn(endpoint, PART.endpoint(endpoint), `endpoints.${index}.`);
}

/** The texts of all secrets as they stand there. */
export const secretTexts = (api: ApiDefinition): Set<string> => new Set([...secretsOf(api)].map(({ text }) => text));

/** A copy with other texts in the places of the secrets, in their order. */
function withSecrets(api: ApiDefinition, texts: readonly string[]): ApiDefinition {
  const rest = texts.values();
  const next = (old: string): string => rest.next().value ?? old;
  const replaced = <Fields extends PolicyFields>(fields: Fields): Fields => {
    const { credentials } = fields;
    if (!credentials?.inject) return fields;
    const inject = credentials.inject.map((entry) => ({ ...entry, secret: next(entry.secret) }));
    return { ...fields, credentials: { ...credentials, inject } };
  };
  // In the order of `secretsOf`.
  const whole = replaced(api);
  const versions = api.versions?.map(replaced);
  const endpoints = api.endpoints?.map(replaced);
  return { ...whole, ...(versions && { versions }), ...(endpoints && { endpoints }) };
}

/** As it is shown. */
export const maskSecrets = (api: ApiDefinition): ApiDefinition =>
  withSecrets(
    api,
    [...secretsOf(api)].map(() => SECRET_MASK),
  );

/**
 * Seals what is sent, and puts what is stored in the places of masks. One that would be sent to another base address than
 * before is not kept: whoever may edit an API could otherwise have a secret that they never saw sent to themselves.
 * @throws AppError `validation_failed` naming each mask that cannot be replaced
 */
export async function sealSecrets(
  ring: KeyRing,
  apiId: string,
  sent: ApiDefinition,
  stored: ApiDefinition | undefined,
): Promise<ApiDefinition> {
  const known = new Map(stored && [...secretsOf(stored)].map(({ place, text }) => [place, text]));
  const [before, after] = [stored && audiencesOf(stored), audiencesOf(sent)];
  const isKept = (part: string) => [...(after.get(part) ?? [])].every((address) => before?.get(part)?.has(address));
  const faults: ErrorDetail[] = [];
  const texts: string[] = [];
  for (const { place, part, path, text } of secretsOf(sent)) {
    const sealed = known.get(place);
    if (text !== SECRET_MASK) texts.push(await sealAnew(ring, apiId, text, sealed));
    else if (sealed !== undefined && isKept(part)) texts.push(sealed);
    else faults.push({ path, message: sealed === undefined ? NOT_STORED : NEW_AUDIENCE });
  }
  if (faults.length > 0) throw new AppError('validation_failed', 'Request validation failed', { details: faults });
  return withSecrets(sent, texts);
}

const NOT_STORED = 'is the mask of a secret, but no such secret is stored; give the secret itself';
const NEW_AUDIENCE = 'must be given again, because it would be sent to an upstream that was not sent it before';

/** A secret that is the same as before stays as it is, so that a document sent twice changes nothing. */
async function sealAnew(ring: KeyRing, apiId: string, text: string, sealed: string | undefined): Promise<string> {
  if (sealed !== undefined && (await open(ring, sealed, contextOf(apiId))) === text) return sealed;
  return seal(ring, text, contextOf(apiId));
}
