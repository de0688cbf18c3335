import type { Executor } from '../../db/client.ts';
import type { CompiledApi } from '../compiled.ts';
import { compileApi } from './compile.ts';
import { provenHosts } from './hosts/store.ts';
import * as store from './store.ts';

/**
 * The APIs of an organization as they are published, in the order in which they were made. Upstreams are proven where
 * the organization has shown that the host is its own; `isListed`: the operator vouches for the address.
 */
export async function readGateway(
  db: Executor,
  organizationId: string,
  isListed: (url: URL) => boolean,
): Promise<CompiledApi[]> {
  const [rows, proven] = await Promise.all([store.readApis(db, organizationId), provenHosts(db, organizationId)]);
  const isProven = (url: URL) => proven.has(url.hostname) || isListed(url);
  return rows.map(({ definition, id, revision, purged }) =>
    compileApi(definition, { id, organizationId, revision, purged, isProven }),
  );
}
