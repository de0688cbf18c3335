import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import type { Executor } from '../../db/client.ts';
import { notFound } from '../../kernel/errors.ts';
import { type PageRequest, toPage } from '../../kernel/page.ts';
import { audit } from '../../telemetry/audit.ts';
import { changeApis, loadApi, lockApi, nextRow, type RegistryDeps, revisionOf, writeRow } from './change.ts';
import { checkDefinition } from './check.ts';
import { changesBetween } from './diff.ts';
import * as store from './revision-store.ts';
import type { ApiRow } from './store.ts';
import { apiToWire, revisionToWire, wholeRevisionToWire } from './wire.ts';

/** Newest first; of one day, the API's own first and then by version as they stand in the definition. */
export async function getChangelog(ctx: OrganizationCtx, idOrSlug: string) {
  permit(ctx, 'apis:read');
  const { changelog = [], versions = [] } = (await loadApi(ctx, idOrSlug)).definition;
  const entries = [
    ...changelog.map((entry) => ({ ...entry, version: null })),
    ...versions.flatMap(({ name, changelog: own = [] }) => own.map((entry) => ({ ...entry, version: name }))),
  ];
  return { data: entries.sort((a, b) => b.date.localeCompare(a.date)) };
}

export async function listRevisions(ctx: OrganizationCtx, idOrSlug: string, page: PageRequest) {
  permit(ctx, 'apis:read');
  const { id } = await loadApi(ctx, idOrSlug);
  const { rows, total } = await store.listRevisions(ctx.db.query, id, page);
  return toPage(rows.map(revisionToWire), total, page);
}

/** @throws AppError `not_found` */
export async function getRevision(ctx: OrganizationCtx, idOrSlug: string, revision: number) {
  permit(ctx, 'apis:read');
  const { id } = await loadApi(ctx, idOrSlug);
  return { data: wholeRevisionToWire(await loadRevision(ctx.db.query, id, revision)) };
}

/** @throws AppError `not_found` */
export async function diffRevisions(ctx: OrganizationCtx, idOrSlug: string, from: number, to: number | undefined) {
  permit(ctx, 'apis:read');
  const { id, revision } = await loadApi(ctx, idOrSlug);
  const [before, after] = await Promise.all([
    loadRevision(ctx.db.query, id, from),
    loadRevision(ctx.db.query, id, to ?? revision),
  ]);
  const changes = changesBetween(before.definition, after.definition);
  return { data: { from, to: after.revision, changes } };
}

/**
 * Makes an earlier definition the present one, as a new revision. What may be defined may have become less since.
 * @throws AppError `not_found`; `validation_failed`; `conflict` when its slug belongs to another by now
 */
export async function rollBack(
  ctx: OrganizationCtx,
  deps: RegistryDeps,
  idOrSlug: string,
  sent: { revision: number; note?: string | undefined },
  dry_run = false,
) {
  permit(ctx, 'apis:write');
  const note = sent.note ?? `Back to revision ${sent.revision}`;
  const rowFrom = async (db: Executor, before: ApiRow) => {
    const { definition } = await loadRevision(db, before.id, sent.revision);
    checkDefinition(definition, deps);
    return nextRow(ctx, before, definition);
  };
  if (dry_run) {
    const before = await loadApi(ctx, idOrSlug);
    const row = await rowFrom(ctx.db.query, before);
    const data = { ...wholeRevisionToWire(revisionOf(ctx, row, note)), created_at: null };
    return { data, dry_run, changes: changesBetween(before.definition, row.definition) };
  }
  return changeApis(ctx, deps, async (tx) => {
    const before = await lockApi(tx, ctx, idOrSlug);
    const row = await rowFrom(tx, before);
    const written = await writeRow(tx, ctx, deps, row, note);
    const states = { before: apiToWire(before, ctx.clock()), after: apiToWire(row, ctx.clock()) };
    await audit(tx, ctx, { action: 'api.rollback', target: { type: 'api', id: row.id }, ...states });
    const changes = changesBetween(before.definition, row.definition);
    return { data: wholeRevisionToWire(written), dry_run, changes };
  });
}

async function loadRevision(db: Executor, apiId: string, revision: number): Promise<store.RevisionRow> {
  const row = await store.findRevision(db, apiId, revision);
  if (!row) throw notFound('Revision');
  return row;
}
