import { type OrganizationCtx, permit } from '../../../access/ctx.ts';
import type { Executor } from '../../../db/client.ts';
import { writeYaml } from '../../../http/yaml.ts';
import { AppError, invalidField } from '../../../kernel/errors.ts';
import { loadApi, type RegistryDeps, refOf } from '../change.ts';
import type { ApiDefinition } from '../definition.ts';
import { maskSecrets } from '../secrets.ts';
import { putApi } from '../service.ts';
import { findApi } from '../store.ts';
import { parseDocument } from './document.ts';
import { exportDocument } from './export.ts';
import { type Imported, mergedEndpoints, placed, placedDetails, readDocument, shapedDefinition } from './import.ts';
import type { Json } from './pointer.ts';

export interface OpenApiDeps extends RegistryDeps {
  /**
   * The text at an address that a user chose, within bounds.
   * @throws AppError `bad_request` telling why there is none
   */
  fetchDocument(url: string): Promise<string>;
  slugOf(db: Executor, organizationId: string): Promise<string | undefined>;
  /** Of the deployment, without a slash at its end. */
  baseUrl: string;
}

interface Source {
  url?: string | undefined;
  document?: string | Json | undefined;
  upstreams?: ApiDefinition['upstreams'];
  dry_run?: boolean | undefined;
}

interface NewApi extends Source {
  slug?: string | undefined;
  name?: string | undefined;
  visibility?: ApiDefinition['visibility'];
}

interface Options {
  note?: string | undefined;
  revision?: number | undefined;
}

/** @throws AppError `validation_failed` by places in the document; `bad_request`; `conflict` when the slug is taken */
export async function importNewApi(ctx: OrganizationCtx, deps: OpenApiDeps, sent: NewApi, note?: string) {
  permit(ctx, 'apis:write');
  const document = await read(deps, sent);
  const imported = sent.upstreams ? { ...document, upstream: undefined } : document;
  const name = sent.name ?? imported.name;
  const slug = sent.slug ?? slugOf(name ?? '');
  if (name === undefined) throw invalidField('name', 'is needed: the document has no title');
  if (slug === undefined) throw invalidField('slug', 'is needed: none can be made of the name');
  if (await findApi(ctx.db.query, refOf(ctx, slug))) {
    const instead = `POST /api/v1/apis/${slug}/import replaces the endpoints of that API`;
    throw new AppError('conflict', `The slug ${slug} is taken; ${instead}`);
  }
  const { description } = imported;
  const upstreams = sent.upstreams ?? (imported.upstream && [{ url: imported.upstream.url }]);
  if (!upstreams) throw invalidField('upstreams', 'is needed: the document names no server at an https address');
  const definition = {
    ...{ slug, name, upstreams, endpoints: mergedEndpoints(imported.sources, []) },
    ...(description !== undefined && { description }),
    ...(sent.visibility && { visibility: sent.visibility }),
  };
  return put(ctx, deps, { idOrSlug: slug, definition, imported }, { dry_run: sent.dry_run, note, revision: 0 });
}

/** @throws AppError as `importNewApi`; `not_found` */
export async function importIntoApi(
  ctx: OrganizationCtx,
  deps: OpenApiDeps,
  idOrSlug: string,
  sent: Source,
  options: Options,
) {
  permit(ctx, 'apis:write');
  const { id, definition: stored, revision } = await loadApi(ctx, idOrSlug);
  if (options.revision !== undefined && options.revision !== revision) {
    throw new AppError('conflict', `The API is at revision ${revision}`);
  }
  // The upstreams are not the document's here, so that no fault of theirs is in it.
  const imported = { ...(await read(deps, sent)), upstream: undefined };
  const { upstreams, pools, ...rest } = maskSecrets(stored);
  const targets = sent.upstreams ? { upstreams: sent.upstreams } : { upstreams, pools };
  const definition = { ...rest, ...targets, endpoints: mergedEndpoints(imported.sources, rest.endpoints ?? []) };
  // Only onto what was merged with: a change in between is told, and not undone.
  return put(
    ctx,
    deps,
    { idOrSlug: id, definition, imported },
    { note: options.note, revision, dry_run: sent.dry_run },
  );
}

interface Target {
  idOrSlug: string;
  definition: object;
  imported: Imported;
}

async function put(
  ctx: OrganizationCtx,
  deps: OpenApiDeps,
  { idOrSlug, definition, imported }: Target,
  options: Options & { dry_run?: boolean | undefined },
) {
  try {
    const answer = await putApi(ctx, deps, idOrSlug, shapedDefinition(definition, imported), options);
    return { ...answer, warnings: [...imported.warnings, ...placedDetails(answer.warnings, imported)] };
  } catch (error) {
    throw placed(error, imported);
  }
}

async function read(deps: OpenApiDeps, { url, document }: Source): Promise<Imported> {
  if ((url === undefined) === (document === undefined)) {
    throw invalidField('document', 'is needed, or url instead of it');
  }
  const text = url === undefined ? document : await deps.fetchDocument(url);
  return readDocument(parseDocument(text ?? ''), url);
}

/** `Swagger Petstore - OpenAPI 3.0` is `swagger-petstore-openapi-3-0`. */
function slugOf(name: string): string | undefined {
  const words = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[^a-z0-9]+/g, '-');
  const slug = words.replace(/^-/, '').slice(0, 63).replace(/-$/, '');
  return slug.length >= 3 ? slug : undefined;
}

/** @throws AppError `not_found`, also for a version that there is not */
export async function exportApi(ctx: OrganizationCtx, deps: OpenApiDeps, idOrSlug: string, version?: string) {
  permit(ctx, 'apis:read');
  const { definition, slug, revision, visibility } = await loadApi(ctx, idOrSlug);
  const organization = visibility === 'private' ? undefined : await deps.slugOf(ctx.db.query, ctx.organizationId);
  const addresses = [
    ...(organization === undefined ? [] : [`${deps.baseUrl}/g/${organization}/${slug}`]),
    `${deps.baseUrl}/api/v1/${slug}`,
  ];
  return exportDocument(definition, { revision, addresses, version, now: ctx.clock().getTime() });
}

/** @throws AppError as `exportApi` */
export async function exportApiYaml(...asked: Parameters<typeof exportApi>): Promise<string> {
  return writeYaml(await exportApi(...asked));
}
