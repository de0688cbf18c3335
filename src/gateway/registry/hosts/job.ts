import type { Database } from '../../../db/client.ts';
import { markEdge, markGateway } from '../../../identity/index.ts';
import { type Clock, DAY, HOUR, later } from '../../../kernel/clock.ts';
import { newUuid } from '../../../kernel/id.ts';
import { recordEvent } from '../../../quota/index.ts';
import { audit } from '../../../telemetry/audit.ts';
import type { Logger } from '../../../telemetry/log.ts';
import type { Prove } from './proof.ts';
import { checkOf, hostToWire } from './service.ts';
import * as store from './store.ts';

interface HostJobDeps {
  db: Database;
  log: Logger;
  clock: Clock;
  prove: Prove;
}

/** How long a proof is taken for granted, and how often one that is missing is looked for. */
const PROVEN_FOR = 7 * DAY;
const MISSING_FOR = DAY - HOUR;

/** Time for somebody to see that it is missing, and put it back. */
const GRACE = 14 * DAY;

/** Each takes up to five requests of the thousand that a run may make. */
const MAX_HOSTS = 100;

/** A Worker has six connections open at once, and a look opens two. */
const AT_ONCE = 3;

/**
 * Looks again at hosts that were proven, since names change hands. What a host does not show any more is told to its
 * organization first; upstreams on it lose their traffic when that has lasted for two weeks.
 */
export async function checkHosts(deps: HostJobDeps): Promise<void> {
  const now = deps.clock();
  const due = { before: later(now, -PROVEN_FOR), missingBefore: later(now, -MISSING_FOR) };
  const rows = await store.takeDueHosts(deps.db.query, due, MAX_HOSTS, now);
  async function work() {
    for (let row = rows.pop(); row; row = rows.pop()) await checkHost(deps, row, now);
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function checkHost(deps: HostJobDeps, row: store.HostRow, now: Date): Promise<void> {
  const check = checkOf(row, await deps.prove(row), now);
  const { missingSince } = check;
  if (missingSince && missingSince <= later(now, -GRACE)) return lose(deps, row, now);
  await store.updateHost(deps.db.query, row, check);
  if (missingSince && !row.missingSince) await tell(deps, row, 'missing', missingSince);
}

/** The edge is told by the sweep. */
async function lose(deps: HostJobDeps, row: store.HostRow, now: Date): Promise<void> {
  const { organizationId, host } = row;
  await deps.db.transaction(async (tx) => {
    await markEdge(tx, organizationId);
    await markGateway(tx, organizationId);
    const after = await store.updateHost(tx, row, { provenAt: null, missingSince: null, checkedAt: now });
    if (!after) return;
    const job = { principal: { kind: 'system', job: 'hosts' } as const, requestId: newUuid(), address: '' };
    await audit(
      tx,
      { ...job, clock: deps.clock, organizationId },
      {
        action: 'upstream_host.lose',
        target: { type: 'upstream_host', id: host },
        before: hostToWire(row),
        after: hostToWire(after),
      },
    );
  });
  await tell(deps, row, 'lost', now);
}

async function tell({ db, log }: HostJobDeps, row: store.HostRow, what: 'missing' | 'lost', since: Date) {
  const { organizationId, host } = row;
  log.warn('upstream_host.unproven', { organization_id: organizationId, host, change: what });
  await recordEvent(db, organizationId, {
    type: `upstream_host.${what}`,
    dedupeKey: `upstream_host.${what}:${host}:${since.toISOString()}`,
    data: { host },
    occurredAt: since.getTime(),
  });
}
