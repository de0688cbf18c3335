import type { Database } from '../../db/client.ts';
import { describeError } from '../../kernel/errors.ts';
import { recordEvent } from '../../quota/index.ts';
import type { Logger } from '../../telemetry/log.ts';
import { DELIVERIES_PER_HOUR, type Excess, hourOf } from './allowance-store.ts';

/**
 * Tells organizations, once an hour each, that deliveries of theirs are not sent. Never rejects: the deliveries say so
 * themselves, and the next one tells again.
 */
export async function tellLimited(db: Database, excess: readonly Excess[], now: Date, log: Logger): Promise<void> {
  const hour = hourOf(now).toISOString();
  for (const { organizationId, ids } of excess) {
    log.warn('deliveries_limited', { organization_id: organizationId, deliveries: ids.length, hour });
    try {
      await recordEvent(db, organizationId, {
        type: 'deliveries.limited',
        dedupeKey: `deliveries.limited:${hour}`,
        data: { hour, limit: DELIVERIES_PER_HOUR },
        occurredAt: now.getTime(),
      });
    } catch (error) {
      log.warn('deliveries_limit_not_told', { organization_id: organizationId, error: describeError(error) });
    }
  }
}
