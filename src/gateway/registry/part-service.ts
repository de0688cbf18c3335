import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import { AppError } from '../../kernel/errors.ts';
import { audit } from '../../telemetry/audit.ts';
import { changeApis, loadApi, lockApi, nextRow, prepare, type RegistryDeps, writeRow } from './change.ts';
import type { ApiDefinition, EndpointDefinition, VersionDefinition } from './definition.ts';
import * as edit from './edit.ts';
import { maskSecrets } from './secrets.ts';

/** Versions and endpoints. Each change is one of the whole definition, under the API's lock, and makes a revision. */

interface PartChange {
  part: 'versions' | 'endpoints';
  verb: 'create' | 'update' | 'delete';
  /** As its author calls it. */
  name: string;
}

async function shownApi(ctx: OrganizationCtx, idOrSlug: string): Promise<ApiDefinition> {
  permit(ctx, 'apis:read');
  return maskSecrets((await loadApi(ctx, idOrSlug)).definition);
}

export async function listVersions(ctx: OrganizationCtx, idOrSlug: string) {
  return { data: (await shownApi(ctx, idOrSlug)).versions ?? [] };
}

/** @throws AppError `not_found` */
export async function getVersion(ctx: OrganizationCtx, idOrSlug: string, name: string) {
  const api = await shownApi(ctx, idOrSlug);
  return { data: versionIn(api, edit.versionAt(api, name)) };
}

/** @throws AppError `validation_failed`; `conflict` when there is one of this name; `bad_request` for too many */
export async function createVersion(
  ctx: OrganizationCtx,
  deps: RegistryDeps,
  idOrSlug: string,
  sent: VersionDefinition,
) {
  const change: PartChange = { part: 'versions', verb: 'create', name: sent.name };
  const { api, index } = await changePart(ctx, deps, idOrSlug, change, (old) => edit.addVersion(old, sent));
  return { data: versionIn(api, index) };
}

type SentVersion = Parameters<typeof edit.replaceVersion>[2];

/** @throws AppError `validation_failed`; `not_found` */
export async function updateVersion(
  ctx: OrganizationCtx,
  deps: RegistryDeps,
  idOrSlug: string,
  name: string,
  sent: SentVersion,
) {
  const change: PartChange = { part: 'versions', verb: 'update', name };
  const { api, index } = await changePart(ctx, deps, idOrSlug, change, (old) => edit.replaceVersion(old, name, sent));
  return { data: versionIn(api, index) };
}

/** @throws AppError `not_found`; `conflict` while the definition names it elsewhere */
export async function deleteVersion(ctx: OrganizationCtx, deps: RegistryDeps, idOrSlug: string, name: string) {
  const change: PartChange = { part: 'versions', verb: 'delete', name };
  await changePart(ctx, deps, idOrSlug, change, (old) => edit.removeVersion(old, name));
}

export async function listEndpoints(ctx: OrganizationCtx, idOrSlug: string) {
  return { data: (await shownApi(ctx, idOrSlug)).endpoints ?? [] };
}

/** @throws AppError `not_found` */
export async function getEndpoint(ctx: OrganizationCtx, idOrSlug: string, id: string) {
  const api = await shownApi(ctx, idOrSlug);
  return { data: endpointIn(api, edit.endpointAt(api, id)) };
}

/** @throws AppError `validation_failed`; `conflict` when there is one of this id; `bad_request` for too many */
export async function createEndpoint(
  ctx: OrganizationCtx,
  deps: RegistryDeps,
  idOrSlug: string,
  sent: EndpointDefinition,
) {
  const change: PartChange = { part: 'endpoints', verb: 'create', name: sent.id ?? sent.path };
  const { api, index } = await changePart(ctx, deps, idOrSlug, change, (old) => edit.addEndpoint(old, sent));
  return { data: endpointIn(api, index) };
}

/** @throws AppError `validation_failed`; `not_found` */
export async function updateEndpoint(
  ctx: OrganizationCtx,
  deps: RegistryDeps,
  idOrSlug: string,
  id: string,
  sent: EndpointDefinition,
) {
  const change: PartChange = { part: 'endpoints', verb: 'update', name: id };
  const { api, index } = await changePart(ctx, deps, idOrSlug, change, (old) => edit.replaceEndpoint(old, id, sent));
  return { data: endpointIn(api, index) };
}

/** @throws AppError `not_found` */
export async function deleteEndpoint(ctx: OrganizationCtx, deps: RegistryDeps, idOrSlug: string, id: string) {
  const change: PartChange = { part: 'endpoints', verb: 'delete', name: id };
  await changePart(ctx, deps, idOrSlug, change, (old) => edit.removeEndpoint(old, id));
}

const NOUNS = { versions: 'version', endpoints: 'endpoint' } as const;
const DONE = { create: 'added', update: 'replaced', delete: 'deleted' } as const;

/** The edit is given the definition as it is shown, so that a part can be sent back with the masks it was shown with. */
async function changePart(
  ctx: OrganizationCtx,
  deps: RegistryDeps,
  idOrSlug: string,
  { part, verb, name }: PartChange,
  change: (api: ApiDefinition) => edit.Edited,
): Promise<edit.Edited> {
  return changeApis(ctx, deps, async (tx) => {
    const before = await lockApi(tx, ctx, idOrSlug);
    const old = maskSecrets(before.definition);
    const { api, index } = change(old);
    const definition = await prepare(ctx, deps, api, before).catch((error: unknown) => {
      throw namedFromPart(error, `${part}.${index}`);
    });
    const row = nextRow(ctx, before, definition);
    await writeRow(tx, ctx, deps, row, `${NOUNS[part]} ${name} ${DONE[verb]}`);
    const shown = maskSecrets(definition);
    const [was, is] = [old[part]?.[index], verb === 'delete' ? undefined : shown[part]?.[index]];
    const states = { ...(was && verb !== 'create' && { before: was }), ...(is && { after: is }) };
    await audit(tx, ctx, { action: `api_${NOUNS[part]}.${verb}`, target: { type: 'api', id: row.id }, ...states });
    return { api: shown, index };
  });
}

/** Faults of the part by the names that its author has sent; others, as what else of the API no longer fits. */
function namedFromPart(error: unknown, part: string): unknown {
  if (!(error instanceof AppError) || !error.details) return error;
  const details = error.details.map(({ path, message }) => ({
    path: path === part ? 'path' : path.startsWith(`${part}.`) ? path.slice(part.length + 1) : path,
    message,
  }));
  return new AppError(error.code, error.message, { details });
}

function versionIn({ versions = [] }: ApiDefinition, index: number): VersionDefinition {
  const version = versions[index];
  if (!version) throw new Error('the version that was found or written is not there');
  return version;
}

function endpointIn({ endpoints = [] }: ApiDefinition, index: number): EndpointDefinition {
  const endpoint = endpoints[index];
  if (!endpoint) throw new Error('the endpoint that was found or written is not there');
  return endpoint;
}
