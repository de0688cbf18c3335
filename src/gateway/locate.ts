import type { FieldReader } from '../http/header-fields.ts';
import { notFound } from '../kernel/errors.ts';
import type { Directory } from './directory/directory.ts';
import {
  type Credential,
  type IdentifyDeps,
  organizationBehind,
  readCredential,
  readCredentialIfAny,
} from './identify.ts';
import type { Place } from './place.ts';
import type { GatewayView } from './prepared.ts';
import type { Snapshots } from './snapshots.ts';

export interface LocateDeps extends IdentifyDeps {
  directory: Directory;
  snapshots: Snapshots<GatewayView>;
}

export interface Located {
  organizationId: string;
  view: GatewayView;
  credential: Credential;
}

/**
 * Whose gateway a request is for, and by whom.
 * @throws AppError `unauthorized`; `not_found` when the name is nobody's
 */
export async function locate(deps: LocateDeps, { organization }: Place, headers: FieldReader): Promise<Located> {
  if (organization.by === 'credential') {
    const credential = await readCredential(deps, headers);
    const organizationId = await organizationBehind(deps, credential);
    const view = await deps.snapshots.get(organizationId);
    if (!view) throw notFound('Service');
    return { organizationId, view, credential };
  }
  const found = await byName(deps, organization.name);
  if (!found) throw notFound('Service');
  return { ...found, credential: await readCredentialIfAny(deps, headers) };
}

/** The directory may be behind, and so may this isolate; an organization knows its own names. */
async function byName(deps: LocateDeps, name: string): Promise<Omit<Located, 'credential'> | undefined> {
  for (const anew of [false, true]) {
    const organizationId = await deps.directory.find(name, { anew });
    if (organizationId === undefined) return undefined;
    const view = await deps.snapshots.get(organizationId);
    if (view?.names.has(name)) return { organizationId, view };
    const latest = await deps.snapshots.confirm(organizationId);
    if (latest?.names.has(name)) return { organizationId, view: latest };
  }
  return undefined;
}
