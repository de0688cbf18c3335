import type { OrganizationCtx } from '../../../access/ctx.ts';
import type { Executor } from '../../../db/client.ts';
import { AppError } from '../../../kernel/errors.ts';
import { upstreamsOf } from '../compile-pools.ts';
import type { ApiDefinition } from '../definition.ts';
import { readApis } from '../store.ts';
import * as store from './store.ts';
import { newToken } from './token.ts';

const MAX_HOSTS = 1_000;

/** The operator vouches for the address. */
type IsListed = (url: URL) => boolean;

const hostsOf = (definitions: readonly ApiDefinition[], isListed: IsListed): string[] => {
  const urls = definitions.flatMap(upstreamsOf).filter((url) => !isListed(url));
  return [...new Set(urls.map(({ hostname }) => hostname))];
};

/**
 * Notes the hosts of an API's upstreams as hosts that the organization has to show to be its own. Those of APIs that are
 * gone are forgotten when there are too many.
 * @throws AppError `bad_request` when there still are
 */
export async function noteHosts(
  tx: Executor,
  { organizationId, clock }: OrganizationCtx,
  definition: ApiDefinition,
  isListed: IsListed,
): Promise<void> {
  const hosts = hostsOf([definition], isListed);
  if (hosts.length === 0) return;
  const state = { provenAt: null, checkedAt: null, missingSince: null, createdAt: clock() };
  await store.insertHosts(
    tx,
    hosts.map((host) => ({ organizationId, host, token: newToken(), ...state })),
  );
  if ((await store.countHosts(tx, organizationId)) <= MAX_HOSTS) return;
  const rows = await readApis(tx, organizationId);
  const needed = hostsOf(
    rows.map((row) => row.definition),
    isListed,
  );
  if (needed.length > MAX_HOSTS) {
    throw new AppError('bad_request', `The APIs of an organization have upstreams on at most ${MAX_HOSTS} hosts`);
  }
  await store.deleteOtherHosts(tx, organizationId, needed);
}
