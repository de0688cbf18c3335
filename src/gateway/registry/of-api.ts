import type { CallerCtx } from '../../access/ctx.ts';
import { ownOrganization } from '../../identity/index.ts';
import { isId, organizationOfApi } from './store.ts';

interface AboutApi {
  params: { id: string };
  query: { organization_id?: string | undefined };
}

/** An id says by itself which organization is meant; a slug does in an organization. */
export async function ofApi(ctx: CallerCtx, { params, query }: AboutApi): Promise<string | undefined> {
  if (!isId(params.id)) return query.organization_id ?? ownOrganization(ctx);
  const organizationId = await organizationOfApi(ctx.db.query, params.id);
  return query.organization_id === undefined || query.organization_id === organizationId ? organizationId : undefined;
}
