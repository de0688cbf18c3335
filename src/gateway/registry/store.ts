import { and, asc, count, desc, eq, getTableColumns, ilike, ne, or, sql, sum } from 'drizzle-orm';
import type { EdgeLimit } from '../../access/edge.ts';
import type { Executor } from '../../db/client.ts';
import type { Lifecycle, Visibility } from '../compiled.ts';
import type { ApiDefinition } from './definition.ts';
import { apis } from './table.ts';

export type ApiRow = typeof apis.$inferSelect;

/** An API by its id or its slug, inside the organization that the caller has been admitted to. */
export interface ApiRef {
  organizationId: string;
  idOrSlug: string;
}

/** Slugs do not look like ids. */
export const isId = (text: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);

const isApi = ({ organizationId, idOrSlug }: ApiRef) =>
  and(eq(apis.organizationId, organizationId), eq(isId(idOrSlug) ? apis.id : apis.slug, idOrSlug));

/** The organization that an API belongs to, and nothing else about it. */
export async function organizationOfApi(db: Executor, apiId: string): Promise<string | undefined> {
  const rows = await db.select({ organizationId: apis.organizationId }).from(apis).where(eq(apis.id, apiId)).limit(1);
  return rows[0]?.organizationId;
}

export async function findApi(db: Executor, ref: ApiRef): Promise<ApiRow | undefined> {
  const rows = await db.select().from(apis).where(isApi(ref)).limit(1);
  return rows[0];
}

/** Reads an API that is about to be changed, so that nobody else changes it meanwhile. */
export async function lockApi(tx: Executor, ref: ApiRef): Promise<ApiRow | undefined> {
  const rows = await tx.select().from(apis).where(isApi(ref)).limit(1).for('update');
  return rows[0];
}

/** How many others the organization has, and how large they are together. */
export async function measureOthers(tx: Executor, { organizationId, id }: Pick<ApiRow, 'organizationId' | 'id'>) {
  const rows = await tx
    .select({
      total: count(),
      bytes: sum(apis.compiledBytes).mapWith(Number),
      limits: sum(sql`json_array_length(${apis.limits})`).mapWith(Number),
    })
    .from(apis)
    .where(and(eq(apis.organizationId, organizationId), ne(apis.id, id)));
  return { total: rows[0]?.total ?? 0, bytes: rows[0]?.bytes ?? 0, limits: rows[0]?.limits ?? 0 };
}

/** The limits of all endpoints of an organization, in the order in which its APIs were made. */
export async function readEndpointLimits(db: Executor, organizationId: string): Promise<EdgeLimit[]> {
  const rows = await db
    .select({ limits: apis.limits })
    .from(apis)
    .where(and(eq(apis.organizationId, organizationId), sql`json_array_length(${apis.limits}) > 0`))
    .orderBy(asc(apis.createdAt), asc(apis.id));
  return rows.flatMap(({ limits }) => limits);
}

export async function insertApi(tx: Executor, row: ApiRow): Promise<void> {
  await tx.insert(apis).values(row);
}

export async function updateApi(tx: Executor, row: ApiRow): Promise<void> {
  const { id, organizationId, ...fields } = row;
  await tx
    .update(apis)
    .set(fields)
    .where(isApi({ organizationId, idOrSlug: id }));
}

export async function deleteApi(tx: Executor, ref: ApiRef): Promise<ApiRow | undefined> {
  const rows = await tx.delete(apis).where(isApi(ref)).returning();
  return rows[0];
}

export interface ApiFilter {
  /** By now: told of the rows by their reader. */
  status?: Lifecycle | undefined;
  visibility?: Visibility | undefined;
  /** Part of the slug or the name, in either case. */
  search?: string | undefined;
}

const partOf = (text: string) => `%${text.replace(/[\\%_]/g, '\\$&')}%`;

/** What lists show, and by what it is told how far an API's life has come. */
export type ApiSummary = Omit<ApiRow, 'definition' | 'compiledBytes' | 'limits' | 'purged'> &
  Pick<ApiDefinition, 'deprecated_at' | 'sunset_at'>;

const MOMENTS = {
  deprecated_at: sql<string | null>`${apis.definition} ->> 'deprecated_at'`,
  sunset_at: sql<string | null>`${apis.definition} ->> 'sunset_at'`,
};

/** All of them, newest first, without their definitions. */
export async function listApis(
  db: Executor,
  organizationId: string,
  filter: Omit<ApiFilter, 'status'>,
): Promise<ApiSummary[]> {
  const { definition: _, compiledBytes: __, limits: ___, purged: ____, ...columns } = getTableColumns(apis);
  const wanted = and(
    eq(apis.organizationId, organizationId),
    filter.visibility && eq(apis.visibility, filter.visibility),
    filter.search === undefined
      ? undefined
      : or(ilike(apis.slug, partOf(filter.search)), ilike(apis.name, partOf(filter.search))),
  );
  return db
    .select({ ...columns, ...MOMENTS })
    .from(apis)
    .where(wanted)
    .orderBy(desc(apis.createdAt), desc(apis.id));
}

/** All that is published of an organization's APIs, in the order in which they were made. */
export async function readApis(db: Executor, organizationId: string): Promise<ApiRow[]> {
  return db
    .select()
    .from(apis)
    .where(eq(apis.organizationId, organizationId))
    .orderBy(asc(apis.createdAt), asc(apis.id));
}
