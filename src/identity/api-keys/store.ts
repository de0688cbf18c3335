import { and, count, desc, eq, inArray, isNull, type SQL, sql } from 'drizzle-orm';
import type { Role } from '../../access/permissions.ts';
import type { Executor } from '../../db/client.ts';
import type { PageRequest } from '../../kernel/page.ts';
import { members } from '../members/table.ts';
import { apiKeys } from './table.ts';

export type NewApiKeyRow = typeof apiKeys.$inferSelect;

/** What is read of a key: everything but its hash, which nobody who reads keys needs. */
const COLUMNS = {
  id: apiKeys.id,
  organizationId: apiKeys.organizationId,
  name: apiKeys.name,
  prefix: apiKeys.prefix,
  environment: apiKeys.environment,
  keyType: apiKeys.keyType,
  permissions: apiKeys.permissions,
  rateLimitOverride: apiKeys.rateLimitOverride,
  ipAllowlist: apiKeys.ipAllowlist,
  endpoints: apiKeys.endpoints,
  methods: apiKeys.methods,
  createdAt: apiKeys.createdAt,
  createdBy: apiKeys.createdBy,
  expiresAt: apiKeys.expiresAt,
  lastUsedAt: apiKeys.lastUsedAt,
  revokedAt: apiKeys.revokedAt,
  revokedReason: apiKeys.revokedReason,
};

export type ApiKeyRow = Omit<NewApiKeyRow, 'hash'>;

/** A key inside the organization that the caller has been admitted to. */
export interface ApiKeyRef {
  organizationId: string;
  keyId: string;
}

const isKey = ({ organizationId, keyId }: ApiKeyRef) =>
  and(eq(apiKeys.id, keyId), eq(apiKeys.organizationId, organizationId));

/** The organization that a key belongs to, and nothing else about it. */
export async function organizationOfKey(db: Executor, keyId: string): Promise<string | undefined> {
  const rows = await db
    .select({ organizationId: apiKeys.organizationId })
    .from(apiKeys)
    .where(eq(apiKeys.id, keyId))
    .limit(1);
  return rows[0]?.organizationId;
}

export async function insertKey(tx: Executor, row: NewApiKeyRow): Promise<void> {
  await tx.insert(apiKeys).values(row);
}

export async function findKey(db: Executor, ref: ApiKeyRef): Promise<ApiKeyRow | undefined> {
  const rows = await db.select(COLUMNS).from(apiKeys).where(isKey(ref)).limit(1);
  return rows[0];
}

/** Revokes a key that is not revoked yet; of two at once, one gets the row. */
export async function revokeKey(
  tx: Executor,
  ref: ApiKeyRef,
  change: { revokedAt: Date; revokedReason: string | null },
): Promise<ApiKeyRow | undefined> {
  const rows = await tx
    .update(apiKeys)
    .set(change)
    .where(and(isKey(ref), isNull(apiKeys.revokedAt)))
    .returning(COLUMNS);
  return rows[0];
}

/** How many keys the organization has that are not revoked. */
export async function countLive(db: Executor, organizationId: string): Promise<number> {
  const rows = await db
    .select({ live: count() })
    .from(apiKeys)
    .where(and(eq(apiKeys.organizationId, organizationId), isNull(apiKeys.revokedAt)));
  return rows[0]?.live ?? 0;
}

/** Whose keys: one organization's, or those of every organization in which the user has one of the roles. */
export type Whose = { organizationId: string } | { userId: string; roles: readonly Role[] };

const belongsTo = (db: Executor, whose: Whose): SQL | undefined =>
  'organizationId' in whose
    ? eq(apiKeys.organizationId, whose.organizationId)
    : inArray(
        apiKeys.organizationId,
        db
          .select({ id: members.organizationId })
          .from(members)
          .where(and(eq(members.userId, whose.userId), inArray(members.role, [...whose.roles]))),
      );

/** Newest first. */
export async function listKeys(db: Executor, whose: Whose, page: PageRequest & { includeRevoked: boolean }) {
  const visible = and(belongsTo(db, whose), page.includeRevoked ? undefined : isNull(apiKeys.revokedAt));
  const [rows, totals] = await Promise.all([
    db
      .select(COLUMNS)
      .from(apiKeys)
      .where(visible)
      .orderBy(desc(apiKeys.createdAt), desc(apiKeys.id))
      .limit(page.limit)
      .offset(page.offset),
    db.select({ total: count() }).from(apiKeys).where(visible),
  ]);
  return { rows, total: totals[0]?.total ?? 0 };
}

/** What the organization's keys of these ids are called, revoked ones too. */
export async function nameKeys(db: Executor, organizationId: string, keyIds: readonly string[]) {
  return db
    .select({ id: apiKeys.id, name: apiKeys.name, prefix: apiKeys.prefix })
    .from(apiKeys)
    .where(and(eq(apiKeys.organizationId, organizationId), inArray(apiKeys.id, [...keyIds])));
}

/** Notes when keys were last used, by their ids, in milliseconds since 1970. An older note changes nothing. */
export async function recordUses(
  db: Executor,
  organizationId: string,
  uses: Readonly<Record<string, number>>,
): Promise<void> {
  await db
    .update(apiKeys)
    .set({ lastUsedAt: sql`greatest(${apiKeys.lastUsedAt}, to_timestamp(used.value::bigint / 1000.0))` })
    .from(sql`jsonb_each_text(${JSON.stringify(uses)}::jsonb) as used`)
    .where(and(eq(apiKeys.organizationId, organizationId), sql`${apiKeys.id} = used.key`));
}
