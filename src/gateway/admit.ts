import type { QuotaStatus } from '../access/admission.ts';
import type { KeyEnvironment, KeyUse } from '../access/edge.ts';
import { holdsScope, isPermission, permissionsOfKey } from '../access/key-permissions.ts';
import type { Permission } from '../access/permissions.ts';
import type { UserPrincipal, WalletPrincipal } from '../access/principal.ts';
import { AppError, notFound } from '../kernel/errors.ts';
import type { Ask, Asker, Drawer, Refused, Verdict } from '../quota/index.ts';
import { refusalError } from '../quota/index.ts';
import type { CompiledApi, CompiledEndpoint, Policy } from './compiled.ts';
import type { Credential, IdentifyDeps } from './identify.ts';

/** Who a call turned out to be from. */
export interface Caller {
  kind: 'key' | 'user' | 'wallet' | 'anonymous';
  keyId: string | null;
  userId: string | null;
  /** Of a key for trying things out, everything is made up. */
  environment: KeyEnvironment;
}

export interface AdmitDeps extends IdentifyDeps {
  admit(organizationId: string, ask: Ask): Promise<Verdict>;
  /**
   * Measures a caller without a credential by the API's own limit, by address.
   * @throws AppError `RATE_LIMITED`
   */
  admitAddress(api: CompiledApi, address: string | undefined, units: number): Promise<{ giveBack(): Promise<void> }>;
}

export interface AdmitRequest {
  organizationId: string;
  api: CompiledApi;
  /** Nothing in an API without endpoints. */
  endpoint: CompiledEndpoint | null;
  policy: Policy;
  credential: Credential;
  use: KeyUse;
  /** It asks for a WebSocket, or one is open. */
  isSocket: boolean;
  /** By which the request was routed. */
  version: number;
  /** Is told what the request was measured by, whether it is let through or refused. */
  tell(status: QuotaStatus): void;
  /** Is told who asks, as soon as that is known, whether they are let through or refused. */
  meet(caller: Caller): void;
}

export type CallAdmission =
  | { kind: 'admitted'; caller: Caller; giveBack(): Promise<void> }
  /** The APIs have changed: to be routed again, by this version. */
  | { kind: 'stale'; version: number }
  /** By the APIs as they are known here: nobody was asked whether they still are in force. */
  | { kind: 'refused'; answer(): Promise<never> };

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** What it takes to call an API: whoever may only read changes nothing upstream, and a WebSocket carries anything there. */
const permissionFor = ({ use, isSocket }: AdmitRequest): Permission =>
  SAFE.has(use.method) && !isSocket ? 'gateway:read' : 'gateway:write';

/**
 * Decides whether a call may go on, and charges it to the organization whose API it is for. A caller with no place in the
 * organization is refused with `not_found`, and charged for asking when that is the answer.
 * @throws AppError `unauthorized`, `forbidden`, `RATE_LIMITED`, `service_unavailable`, each by what is in force
 */
export async function admitCall(deps: AdmitDeps, request: AdmitRequest): Promise<CallAdmission> {
  const { credential, organizationId, api } = request;
  switch (credential.kind) {
    case 'none':
      return admitAnonymous(deps, request);
    case 'key':
      if (credential.key.organizationId === organizationId) return admitKey(deps, request, credential.key.hash);
      if (api.visibility === 'public') return admitAnonymous(deps, request);
      return strangerRefused(deps, request);
    case 'person':
      return admitPerson(deps, request, credential.principal);
  }
}

async function admitKey(deps: AdmitDeps, request: AdmitRequest, hash: string): Promise<CallAdmission> {
  const { policy } = request;
  const verdict = await ask(deps, request, { kind: 'key', hash, permission: permissionFor(request) });
  if (verdict.ok === false) return stale(verdict);
  const { key, giveBack } = verdict;
  if (!key) throw new Error('a key was admitted and not told');
  const caller = callerBy(key);
  request.meet(caller);
  // A word of the list, as `write`, stands for single permissions.
  const meant: ReadonlySet<string> = permissionsOfKey(key);
  const missing = policy.scopes.find((scope) => !holdsScope(key.permissions, scope) && !meant.has(scope));
  if (missing !== undefined) {
    await giveBack();
    throw new AppError('forbidden', `This API key does not have the scope ${missing} that this needs`);
  }
  return { kind: 'admitted', caller, giveBack };
}

async function admitPerson(
  deps: AdmitDeps,
  request: AdmitRequest,
  principal: UserPrincipal | WalletPrincipal,
): Promise<CallAdmission> {
  const { organizationId, api } = request;
  const permissions = await deps.permissionsIn(principal, organizationId);
  const { userId } = principal;
  if (!permissions) {
    if (api.visibility === 'public') return admitAnonymous(deps, request);
    return strangerRefused(deps, request);
  }
  const caller = { kind: principal.kind, keyId: null, userId, environment: 'live' } as const;
  request.meet(caller);
  const needed = permissionFor(request);
  const scopes = request.policy.scopes.filter(isPermission);
  const missing = [needed, ...scopes].find((permission) => !permissions.has(permission));
  if (missing !== undefined) {
    const text = `This needs the permission ${missing}, which this caller does not have`;
    return refused(new AppError('forbidden', text));
  }
  const verdict = await ask(deps, request, drawerOf(principal));
  if (verdict.ok === false) return stale(verdict);
  return { kind: 'admitted', caller, giveBack: verdict.giveBack };
}

/** An API's public calls are its owner's to pay for, who says how many there may be from one address. */
async function admitAnonymous(deps: AdmitDeps, request: AdmitRequest): Promise<CallAdmission> {
  const { api, policy, use, credential } = request;
  if (api.visibility !== 'public' || policy.scopes.length > 0) {
    const invalid = credential.kind === 'none' ? credential.invalid : undefined;
    return refused(invalid ?? new AppError('unauthorized', 'This API needs a key of its organization'));
  }
  const verdict = await ask(deps, request, { kind: 'anonymous' });
  if (verdict.ok === false) return stale(verdict);
  try {
    // The library that counts takes nothing for one.
    const counted = policy.cost === 0 ? undefined : await deps.admitAddress(api, use.address, policy.cost);
    const giveBack = async () => void (await Promise.all([verdict.giveBack(), counted?.giveBack()]));
    const caller = { kind: 'anonymous', keyId: null, userId: null, environment: 'live' } as const;
    return { kind: 'admitted', caller, giveBack };
  } catch (error) {
    await verdict.giveBack();
    throw error;
  }
}

/**
 * Charges a call that leads nowhere to whoever sent it, as every request counts; and finds out whether the credential is
 * any good. Without one there is nobody to charge.
 * @throws AppError as the charge is refused
 */
export async function chargeAsking(
  deps: AdmitDeps,
  credential: Credential,
  { use, tell }: Pick<AdmitRequest, 'use' | 'tell'>,
): Promise<void> {
  if (credential.kind === 'none') return;
  const isKey = credential.kind === 'key';
  const payer = isKey ? credential.key.organizationId : await deps.ownOrganization(credential.principal);
  if (payer === undefined) return;
  const drawer: Drawer = isKey ? { kind: 'key', hash: credential.key.hash } : drawerOf(credential.principal);
  const verdict = await deps.admit(payer, { drawer, charge: { units: 1, tier: 0 }, use });
  if ('status' in verdict && verdict.status) tell(verdict.status);
  if (!verdict.ok) throw refusalError(verdict);
}

const callerBy = ({ id, userId, environment }: Asker): Caller => ({ kind: 'key', keyId: id, userId, environment });

const drawerOf = (principal: UserPrincipal | WalletPrincipal): Drawer =>
  principal.kind === 'user'
    ? { kind: 'user', userId: principal.userId }
    : { kind: 'wallet', address: principal.address, userId: principal.userId };

/** What is another organization's does not exist. */
const strangerRefused = (deps: AdmitDeps, request: AdmitRequest): CallAdmission => ({
  kind: 'refused',
  async answer() {
    await chargeAsking(deps, request.credential, request);
    throw notFound('Service');
  },
});

const refused = (error: AppError): CallAdmission => ({ kind: 'refused', answer: () => Promise.reject(error) });

/** @throws AppError as the verdict has it, unless it says that the routing is out of date */
async function ask(
  deps: AdmitDeps,
  { organizationId, endpoint, policy, use, api, version, tell, meet }: AdmitRequest,
  drawer: Drawer,
): Promise<Extract<Verdict, { ok: true }> | Stale> {
  const verdict = await deps.admit(organizationId, {
    drawer,
    charge: { units: policy.cost, tier: 0 },
    use: { ...use, api: api.slug, endpoint: endpoint?.id },
    gateway: version,
  });
  if ('status' in verdict && verdict.status) tell(verdict.status);
  if (verdict.ok || verdict.refused === 'stale') return verdict;
  // A key that is no good is nobody.
  if (verdict.by && verdict.refused !== 'expired') meet(callerBy(verdict.by));
  throw refusalError(verdict);
}

type Stale = Extract<Refused, { refused: 'stale' }>;

const stale = ({ gateway }: Stale): CallAdmission => ({ kind: 'stale', version: gateway });
