import type { EdgeLimit, EdgeSnapshot } from '../../access/edge.ts';
import type { Database } from '../../db/client.ts';
import { AppError, describeError } from '../../kernel/errors.ts';
import type { Logger } from '../../telemetry/log.ts';
import * as store from './store.ts';

export interface PublisherDeps {
  db: Database;
  log: Logger;
  /** The organization's own limits, as they are committed now. */
  limitsOf(organizationId: string): Promise<EdgeLimit[]>;
  /** What the data plane is told of the organization, as it is committed now. */
  gatewayOf(organizationId: string): Promise<string[]>;
  /**
   * Hands a snapshot to the organization's object, and answers with the versions that it holds then, and in how many
   * milliseconds nobody acts any more on what was so before.
   */
  send(snapshot: EdgeSnapshot): Promise<Held>;
  /** Lets what was told before run out. */
  wait(milliseconds: number): Promise<unknown>;
}

interface Held {
  version: number;
  /** Of the registered APIs. */
  gateway: number;
  settledIn: number;
}

const RETRY_AFTER_SECONDS = 5;

/**
 * Brings the organization's object up to the version that is committed now, or a later one. Any number of these may run
 * at once: the object keeps the newest version it is sent.
 * @throws AppError `service_unavailable` when the object cannot be reached; the sweep tries again
 */
export async function publishOrganization(deps: PublisherDeps, organizationId: string): Promise<void> {
  const { db, log } = deps;
  const told = await bringUpToDate(deps, organizationId);
  if (told === undefined) return;
  const { version: held, settledIn } = told;
  if (settledIn > 0) await deps.wait(settledIn);
  // The object has it, which is what counts: without this note the sweep sends it once more.
  await store.acknowledge(db.query, organizationId, held).catch((error: unknown) => {
    log.warn('edge.not_noted', { organization_id: organizationId, error: describeError(error) });
  });
}

/**
 * What the object holds afterwards; nothing when there is nothing to publish. What the data plane is
 * told is many bytes, and most changes are not about it: it is sent along once the object has said that it lacks it.
 */
async function bringUpToDate(
  deps: PublisherDeps,
  organizationId: string,
  { withGateway = false } = {},
): Promise<Held | undefined> {
  const known = await store.readSnapshot(deps.db.query, organizationId);
  if (!known) return undefined;
  // After the version, so that they may be newer than it says and never older: what is newer is published again anyway.
  const limits = await deps.limitsOf(organizationId);
  const { gatewayVersion, ...identity } = known;
  const parts = withGateway ? await deps.gatewayOf(organizationId) : null;
  const gateway = gatewayVersion > 0 ? { version: gatewayVersion, parts } : undefined;
  const snapshot: EdgeSnapshot = { ...identity, limits, gateway };
  const told = await deps.send(snapshot).catch((error: unknown) => {
    throw unreachable(error);
  });
  const held = told.version;
  // Either a later change was published meanwhile, or the database was restored from a backup and counts anew from an
  // older version. The object would then ignore every change, revocations among them.
  if (held > snapshot.version && (await store.overtake(deps.db.query, organizationId, held))) {
    deps.log.warn('edge.overtaken', { organization_id: organizationId, version: snapshot.version, held });
    return bringUpToDate(deps, organizationId, { withGateway });
  }
  const isBehind = told.gateway < gatewayVersion && !known.deleted;
  return isBehind ? bringUpToDate(deps, organizationId, { withGateway: true }) : told;
}

const unreachable = (cause: unknown) =>
  new AppError('service_unavailable', 'The change is saved, but not in force everywhere yet. It will be soon.', {
    retryAfter: RETRY_AFTER_SECONDS,
    cause,
  });
