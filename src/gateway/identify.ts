import type { KeyEnvironment } from '../access/edge.ts';
import type { Permission } from '../access/permissions.ts';
import type { UserPrincipal, WalletPrincipal } from '../access/principal.ts';
import type { FieldReader } from '../http/header-fields.ts';
import { AppError, notFound } from '../kernel/errors.ts';

/** A key as its text has it: whether it is good is not known yet. */
interface PresentedKey {
  hash: string;
  organizationId: string;
  environment: KeyEnvironment;
}

/** What a request shows of who sent it. */
export type Credential =
  | {
      kind: 'none';
      /** Why what was sent is not one. */
      invalid?: AppError;
    }
  | { kind: 'key'; key: PresentedKey }
  | { kind: 'person'; principal: UserPrincipal | WalletPrincipal };

export interface IdentifyDeps {
  /** What the text of a key says, if this deployment made it. */
  parseKey(text: string): PresentedKey | undefined | Promise<PresentedKey | undefined>;
  /**
   * Who a token stands for. This asks the database: a token's session may have ended.
   * @throws AppError `unauthorized`
   */
  recognise(authorization: string): Promise<UserPrincipal | WalletPrincipal>;
  /** The organization that pays where none is named. */
  ownOrganization(principal: UserPrincipal | WalletPrincipal): Promise<string | undefined>;
  /** What somebody may do in an organization; nothing when they have no place there. */
  permissionsIn(
    principal: UserPrincipal | WalletPrincipal,
    organizationId: string,
  ): Promise<ReadonlySet<Permission> | undefined>;
}

const BEARER = /^Bearer +(\S+)$/i;

/** A token of ours is a JWS in compact form (RFC 7515 §7.1). */
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** The text of a key, from the field made for it or as a bearer's. `Authorization` may also be meant for the upstream. */
function keyText(headers: FieldReader): string | undefined {
  const own = headers.get('x-api-key');
  if (own !== null) return own;
  const bearer = BEARER.exec(headers.get('authorization') ?? '')?.[1];
  return bearer?.startsWith('sk_') ? bearer : undefined;
}

/**
 * Reads the credential of a request to the data plane. `X-API-Key` comes before `Authorization`, which may be meant for the
 * upstream; of that field only what can be a key or a token of ours is looked at.
 * @throws AppError `unauthorized` when a key is no key of this deployment, or a token is no good
 */
export async function readCredential(deps: IdentifyDeps, headers: FieldReader): Promise<Credential> {
  const text = keyText(headers);
  if (text !== undefined) {
    const key = await deps.parseKey(text);
    if (!key) throw new AppError('unauthorized', 'The API key is unknown, revoked or expired');
    return { kind: 'key', key };
  }
  const authorization = headers.get('authorization');
  const bearer = authorization === null ? undefined : BEARER.exec(authorization)?.[1];
  if (authorization === null || bearer === undefined || !TOKEN.test(bearer)) return NONE;
  return { kind: 'person', principal: await deps.recognise(authorization) };
}

/** The same for an API that anybody may call: what is no good there is nobody's business. */
export async function readCredentialIfAny(deps: IdentifyDeps, headers: FieldReader): Promise<Credential> {
  try {
    return await readCredential(deps, headers);
  } catch (error) {
    if (error instanceof AppError && error.code === 'unauthorized') return { kind: 'none', invalid: error };
    throw error;
  }
}

const NONE: Credential = { kind: 'none' };

/** Whether a request shows what is meant as a credential of ours, good or not. */
export function showsCredential(headers: FieldReader): boolean {
  if (keyText(headers) !== undefined) return true;
  return TOKEN.test(BEARER.exec(headers.get('authorization') ?? '')?.[1] ?? '');
}

/** Whose services a credential reaches at `/api/v1/…`. @throws AppError `unauthorized` without one */
export async function organizationBehind(deps: IdentifyDeps, credential: Credential): Promise<string> {
  switch (credential.kind) {
    case 'none':
      throw new AppError('unauthorized', 'Authentication is required');
    case 'key':
      return credential.key.organizationId;
    case 'person': {
      const organizationId = await deps.ownOrganization(credential.principal);
      if (organizationId === undefined) throw notFound('Service');
      return organizationId;
    }
  }
}
