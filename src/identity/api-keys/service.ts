import { type CallerCtx, type OrganizationCtx, permit } from '../../access/ctx.ts';
import type { KeyEnvironment, KeyType } from '../../access/edge.ts';
import { effectivePermissions, holdsScope, isOwnScope } from '../../access/key-permissions.ts';
import { ROLE_PERMISSIONS, ROLES } from '../../access/permissions.ts';
import { rfc3339 } from '../../kernel/clock.ts';
import { AppError, invalidField, notFound } from '../../kernel/errors.ts';
import { newId } from '../../kernel/id.ts';
import type { PageRequest } from '../../kernel/page.ts';
import { audit } from '../../telemetry/audit.ts';
import { holdOrganization } from '../organizations/hold.ts';
import { type KeySecrets, mintKey } from './key.ts';
import { refuseUnusable } from './permissions.ts';
import * as store from './store.ts';
import { createdKeyToWire, keyToWire } from './wire.ts';

export interface ApiKeyDeps {
  keySecrets: KeySecrets;
}

interface NewApiKey {
  name: string;
  environment: KeyEnvironment;
  key_type: KeyType;
  permissions: readonly string[];
  rate_limit_override?: number | null | undefined;
  expires_at?: Date | null | undefined;
  ip_allowlist?: string[] | null | undefined;
  endpoints?: string[] | null | undefined;
  methods?: string[] | null | undefined;
}

/** Keys that are not revoked, an organization: all of them are in its object's memory. */
const MAX_LIVE_KEYS = 500;

/** @throws AppError `validation_failed`; `forbidden` when the key could do more than the caller; `bad_request` when there are too many */
export async function createApiKey(ctx: OrganizationCtx, deps: ApiKeyDeps, input: NewApiKey) {
  permit(ctx, 'keys:write');
  refuseLimited(ctx);
  const permissions = [...new Set(input.permissions)];
  refuseUnusable(input.key_type, permissions);
  refusePast(ctx, input.expires_at);
  const wanted = { environment: input.environment, keyType: input.key_type, permissions };
  refuseMoreThanOwn(ctx, wanted);
  const { row, text } = await newKey(ctx, deps, {
    ...wanted,
    name: input.name,
    rateLimitOverride: input.rate_limit_override ?? null,
    ipAllowlist: unique(input.ip_allowlist),
    endpoints: unique(input.endpoints),
    methods: unique(input.methods),
    expiresAt: input.expires_at ?? null,
  });
  await ctx.db.transaction(async (tx) => {
    await holdOrganization(tx, ctx, 'keys:write');
    if ((await store.countLive(tx, ctx.organizationId)) >= MAX_LIVE_KEYS) {
      throw new AppError('bad_request', `An organization has at most ${MAX_LIVE_KEYS} keys; revoke some first`);
    }
    await store.insertKey(tx, row);
    await audit(tx, ctx, { action: 'api_key.create', target: targetOf(row), after: keyToWire(row) });
  });
  ctx.afterCommit(() => ctx.publishOrganization(ctx.organizationId));
  return { data: createdKeyToWire(row, text) };
}

interface ListQuery extends PageRequest {
  organization_id?: string | undefined;
  include_revoked: 'true' | 'false';
}

export async function listApiKeys(ctx: OrganizationCtx, query: ListQuery) {
  permit(ctx, 'keys:read');
  const { limit, offset } = query;
  const whose = whoseKeys(ctx, query.organization_id);
  const includeRevoked = query.include_revoked === 'true';
  const { rows, total } = await store.listKeys(ctx.db.query, whose, { limit, offset, includeRevoked });
  return {
    items: rows.map(keyToWire),
    total,
    page: Math.floor(offset / limit) + 1,
    page_size: limit,
    total_pages: Math.ceil(total / limit),
  };
}

const READERS = ROLES.filter((role) => ROLE_PERMISSIONS[role].has('keys:read'));

/** A person who names no organization means all of theirs; a key or wallet has only its own. */
function whoseKeys(ctx: OrganizationCtx, named: string | undefined): store.Whose {
  const { principal, organizationId } = ctx;
  if (named !== undefined || principal.kind !== 'user') return { organizationId };
  return { userId: principal.userId, roles: READERS };
}

export async function getApiKey(ctx: OrganizationCtx, keyId: string) {
  permit(ctx, 'keys:read');
  const row = await store.findKey(ctx.db.query, refOf(ctx, keyId));
  if (!row) throw notFound('API key');
  return { data: keyToWire(row) };
}

/** @throws AppError `bad_request` when the key is revoked already; `forbidden` when it can do more than the caller */
export async function revokeApiKey(ctx: OrganizationCtx, keyId: string, reason: string | null | undefined) {
  permit(ctx, 'keys:write');
  const revoked = await ctx.db.transaction(async (tx) => {
    await holdOrganization(tx, ctx, 'keys:write');
    const before = await store.findKey(tx, refOf(ctx, keyId));
    if (!before) throw notFound('API key');
    refuseMoreThanOwn(ctx, before);
    const row = await store.revokeKey(tx, refOf(ctx, keyId), { revokedAt: ctx.clock(), revokedReason: reason ?? null });
    if (!row) throw alreadyRevoked();
    const states = { before: keyToWire(before), after: keyToWire(row) };
    await audit(tx, ctx, { action: 'api_key.revoke', target: targetOf(row), ...states });
    return row;
  });
  ctx.afterCommit(() => ctx.publishOrganization(ctx.organizationId));
  return { data: keyToWire(revoked) };
}

interface Rotation {
  name?: string | undefined;
  expires_at?: Date | null | undefined;
}

/** @throws AppError `bad_request` when the key is revoked already; `forbidden` when it can do more than the caller */
export async function rotateApiKey(ctx: OrganizationCtx, deps: ApiKeyDeps, keyId: string, input: Rotation) {
  permit(ctx, 'keys:write');
  refuseLimited(ctx);
  refusePast(ctx, input.expires_at);
  const now = ctx.clock();
  const rotated = await ctx.db.transaction(async (tx) => {
    await holdOrganization(tx, ctx, 'keys:write');
    const old = await store.findKey(tx, refOf(ctx, keyId));
    if (!old) throw notFound('API key');
    const revoked = await store.revokeKey(tx, refOf(ctx, keyId), { revokedAt: now, revokedReason: 'Rotated' });
    if (!revoked) throw alreadyRevoked();
    refuseMoreThanOwn(ctx, old);
    const expiresAt = input.expires_at === undefined ? old.expiresAt : input.expires_at;
    if (expiresAt && expiresAt <= now) throw invalidField('expires_at', 'is needed, as the old key has expired');
    const { row, text } = await newKey(ctx, deps, { ...old, name: input.name ?? old.name, expiresAt });
    await store.insertKey(tx, row);
    const states = { before: keyToWire(old), after: keyToWire(row) };
    await audit(tx, ctx, { action: 'api_key.rotate', target: targetOf(old), ...states });
    return { row, text };
  });
  ctx.afterCommit(() => ctx.publishOrganization(ctx.organizationId));
  const { row, text } = rotated;
  const old = { old_key_id: keyId, old_key_revoked_at: rfc3339(now) };
  return { data: { id: row.id, key: text, prefix: row.prefix, ...old } };
}

const refOf = (ctx: OrganizationCtx, keyId: string): store.ApiKeyRef => ({
  organizationId: ctx.organizationId,
  keyId,
});

const targetOf = (row: store.ApiKeyRow) => ({ type: 'api_key', id: row.id });

const alreadyRevoked = () => new AppError('bad_request', 'API key is already revoked');

const unique = <T>(list: T[] | null | undefined) => (list ? [...new Set(list)] : null);

function refusePast(ctx: CallerCtx, expiresAt: Date | null | undefined) {
  if (expiresAt && expiresAt <= ctx.clock()) throw invalidField('expires_at', 'must be in the future');
}

/** A key could otherwise shed its limits: by making one without them, or by prolonging itself. */
function refuseLimited({ principal }: OrganizationCtx) {
  if (principal.kind !== 'key' || !principal.limited) return;
  throw new AppError(
    'forbidden',
    'A key that is limited by expiry, address, method or path cannot make or rotate keys',
  );
}

/** Nobody manages a key that may do what they may not. */
function refuseMoreThanOwn(ctx: OrganizationCtx, key: Pick<store.ApiKeyRow, 'keyType' | 'permissions'>) {
  const { principal } = ctx;
  const own = key.permissions.filter(isOwnScope);
  const excess = [
    ...[...effectivePermissions(key.keyType, key.permissions)].filter((one) => !ctx.permissions.has(one)),
    ...own.filter((scope) => principal.kind === 'key' && !holdsScope(principal.granted, scope)),
  ];
  if (excess.length > 0) {
    throw new AppError('forbidden', `The key has permissions that the caller has not: ${excess.join(', ')}`);
  }
}

type KeyTraits = Pick<
  store.ApiKeyRow,
  | 'name'
  | 'environment'
  | 'keyType'
  | 'permissions'
  | 'rateLimitOverride'
  | 'ipAllowlist'
  | 'endpoints'
  | 'methods'
  | 'expiresAt'
>;

async function newKey(ctx: OrganizationCtx, deps: ApiKeyDeps, traits: KeyTraits) {
  const { text, prefix, hash } = await mintKey(deps.keySecrets, traits.environment, ctx.organizationId);
  const row: store.NewApiKeyRow = {
    id: newId('key'),
    organizationId: ctx.organizationId,
    name: traits.name,
    prefix,
    hash,
    environment: traits.environment,
    keyType: traits.keyType,
    permissions: traits.permissions,
    rateLimitOverride: traits.rateLimitOverride,
    ipAllowlist: traits.ipAllowlist,
    endpoints: traits.endpoints,
    methods: traits.methods,
    createdAt: ctx.clock(),
    createdBy: ctx.principal.userId,
    expiresAt: traits.expiresAt,
    lastUsedAt: null,
    revokedAt: null,
    revokedReason: null,
  };
  return { row, text };
}
