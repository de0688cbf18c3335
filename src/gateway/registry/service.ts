import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import { AppError, invalidField, notFound } from '../../kernel/errors.ts';
import { newUuid } from '../../kernel/id.ts';
import { type PageRequest, toPage } from '../../kernel/page.ts';
import { audit } from '../../telemetry/audit.ts';
import { purge } from '../cache/index.ts';
import { changeApis, loadApi, lockApi, nextRow, prepare, type RegistryDeps, refOf, writeRow } from './change.ts';
import { type ApiDefinition, slug } from './definition.ts';
import { type Change, changesBetween } from './diff.ts';
import { hostWarnings } from './hosts/warnings.ts';
import { readPurge } from './purge.ts';
import * as store from './store.ts';
import { apiToWire, summaryToWire } from './wire.ts';

/** @throws AppError `validation_failed`; `conflict` when the slug is taken; `bad_request` when there is too much */
export async function createApi(ctx: OrganizationCtx, deps: RegistryDeps, sent: ApiDefinition, note = '') {
  permit(ctx, 'apis:write');
  const id = newUuid();
  const row = nextRow(ctx, { id }, await prepare(ctx, deps, sent, { id, definition: undefined }));
  const warnings = await warningsOf(ctx, deps, row);
  await changeApis(ctx, deps, async (tx) => {
    await writeRow(tx, ctx, deps, row, note || null);
    await audit(tx, ctx, { action: 'api.create', target: targetOf(id), after: apiToWire(row, ctx.clock()) });
  });
  return { data: apiToWire(row, ctx.clock()), warnings };
}

const warningsOf = (ctx: OrganizationCtx, { isListed }: RegistryDeps, { definition }: store.ApiRow) =>
  hostWarnings(ctx.db.query, { organizationId: ctx.organizationId, definition, isListed });

export async function listApis(ctx: OrganizationCtx, query: PageRequest & store.ApiFilter) {
  permit(ctx, 'apis:read');
  const now = ctx.clock();
  const rows = await store.listApis(ctx.db.query, ctx.organizationId, query);
  // What has come to its end by now is written nowhere, so that it is found here; there are at most 100.
  const all = rows.map((row) => summaryToWire(row, now)).filter(({ status }) => status === (query.status ?? status));
  return toPage(all.slice(query.offset, query.offset + query.limit), all.length, query);
}

export async function getApi(ctx: OrganizationCtx, idOrSlug: string) {
  permit(ctx, 'apis:read');
  return { data: apiToWire(await loadApi(ctx, idOrSlug), ctx.clock()) };
}

type Sent = Omit<ApiDefinition, 'slug'> & { slug?: string | undefined };

interface PutOptions {
  dry_run?: boolean | undefined;
  note?: string | undefined;
  /** The revision that the caller has seen. */
  revision?: number | undefined;
}

/** What a document makes of an API. */
interface Outcome {
  before: store.ApiRow | undefined;
  row: store.ApiRow;
  result: 'created' | 'replaced' | 'unchanged';
  changes: Change[];
}

/**
 * Creates or replaces by one document. One that changes nothing writes nothing, but sees to it that the edge knows.
 * @throws AppError as `createApi`; `validation_failed` for a bad slug; `not_found` for an id that is none; `conflict` when the revision is another
 */
export async function putApi(
  ctx: OrganizationCtx,
  deps: RegistryDeps,
  idOrSlug: string,
  sent: Sent,
  options: PutOptions,
) {
  permit(ctx, 'apis:write');
  refuseBadSlug(idOrSlug);
  const { dry_run = false, note } = options;
  const answer = async (outcome: Outcome) => ({
    ...answerOf(outcome, dry_run, ctx.clock()),
    warnings: await warningsOf(ctx, deps, outcome.row),
  });
  const put = async (before: store.ApiRow | undefined) => {
    if (!before && store.isId(idOrSlug)) throw notFound('API');
    if (options.revision !== undefined && options.revision !== (before?.revision ?? 0)) {
      throw new AppError('conflict', `The API is at revision ${before?.revision ?? 0}`);
    }
    return outcomeOf(ctx, deps, before, { ...sent, slug: slugOf(idOrSlug, sent, before) });
  };
  const seen = await put(await store.findApi(ctx.db.query, refOf(ctx, idOrSlug)));
  if (dry_run) return answer(seen);
  if (seen.result === 'unchanged') {
    ctx.afterCommit(() => ctx.publishOrganization(ctx.organizationId));
    return answer(seen);
  }
  const done = await changeApis(ctx, deps, async (tx) => {
    const outcome = await put(await store.lockApi(tx, refOf(ctx, idOrSlug)));
    if (outcome.result !== 'unchanged') await writeOutcome(tx, ctx, deps, outcome, note ?? null);
    return outcome;
  });
  return answer(done);
}

/** One that cannot be made: that there is none is no answer to somebody who wants to make it. */
function refuseBadSlug(idOrSlug: string) {
  const fault = store.isId(idOrSlug) ? undefined : slug.safeParse(idOrSlug).error?.issues[0];
  if (fault) throw invalidField('slug', fault.message);
}

/** A document need not say it again; one for an API that is named by its id may give it another. */
function slugOf(idOrSlug: string, { slug: own }: Sent, before: store.ApiRow | undefined): string {
  if (before && store.isId(idOrSlug)) return own ?? before.slug;
  if (own !== undefined && own !== idOrSlug) throw invalidField('slug', 'must be the slug in the address');
  return idOrSlug;
}

async function outcomeOf(
  ctx: OrganizationCtx,
  deps: RegistryDeps,
  before: store.ApiRow | undefined,
  sent: ApiDefinition,
): Promise<Outcome> {
  const id = before?.id ?? newUuid();
  const definition = await prepare(ctx, deps, sent, { id, definition: before?.definition });
  const changes = changesBetween(before?.definition, definition);
  if (before && changes.length === 0) return { before, row: before, result: 'unchanged', changes };
  const row = nextRow(ctx, before ?? { id }, definition);
  return { before, row, result: before ? 'replaced' : 'created', changes };
}

async function writeOutcome(
  tx: Parameters<typeof audit>[0],
  ctx: OrganizationCtx,
  deps: RegistryDeps,
  { before, row }: Outcome,
  note: string | null,
) {
  await writeRow(tx, ctx, deps, row, note);
  const states = { ...(before && { before: apiToWire(before, ctx.clock()) }), after: apiToWire(row, ctx.clock()) };
  await audit(tx, ctx, { action: before ? 'api.update' : 'api.create', target: targetOf(row.id), ...states });
}

/** Of what would be made it is not known yet under which id and when. */
function answerOf({ before, row, result, changes }: Outcome, dry_run: boolean, now: Date) {
  const data = apiToWire(row, now);
  const unmade = dry_run && !before ? { id: null, created_at: null, updated_at: null } : {};
  return { data: { ...data, ...unmade }, result, dry_run, changes };
}

/** @throws AppError `not_found` */
export async function deleteApi(ctx: OrganizationCtx, deps: RegistryDeps, idOrSlug: string) {
  await changeApis(ctx, deps, async (tx) => {
    const gone = await store.deleteApi(tx, refOf(ctx, idOrSlug));
    if (!gone) throw notFound('API');
    await audit(tx, ctx, { action: 'api.delete', target: targetOf(gone.id), before: apiToWire(gone, ctx.clock()) });
  });
}

/** @throws AppError `validation_failed` when what is named is not there; `not_found` */
export async function purgeApi(
  ctx: OrganizationCtx,
  deps: RegistryDeps,
  idOrSlug: string,
  what: Parameters<typeof readPurge>[1],
) {
  await changeApis(ctx, deps, async (tx) => {
    const row = await lockApi(tx, ctx, idOrSlug);
    await store.updateApi(tx, { ...row, purged: purge(row.purged, readPurge(row.definition, what)) });
    await audit(tx, ctx, { action: 'api.purge', target: targetOf(row.id), after: what });
  });
}

const targetOf = (id: string) => ({ type: 'api', id });
