import { HOUR } from '../../kernel/clock.ts';
import type { Change, UpstreamEvent } from './event.ts';
import type { WatchSettings } from './protocol.ts';

/** How many changes an organization is told of. */
export interface Notices {
  hour: number;
  told: number;
  /** Since the last one that was told. */
  omitted: number;
}

/** An upstream that flaps, or a thousand of them, must not fill the database: more than that in an hour is only counted. */
const MOST_PER_HOUR = 200;

export const newNotices = (): Notices => ({ hour: 0, told: 0, omitted: 0 });

/** The change as an event; nothing when there were too many in this hour. */
export function eventOf(
  notices: Notices,
  { apiId, slug }: WatchSettings,
  { change, upstream, pool, details }: Change,
  now: number,
  id: string,
): UpstreamEvent | undefined {
  const hour = Math.floor(now / HOUR);
  if (hour !== notices.hour) {
    notices.hour = hour;
    notices.told = 0;
  }
  if (notices.told >= MOST_PER_HOUR) {
    notices.omitted += 1;
    return undefined;
  }
  const omitted = notices.omitted > 0 ? { omitted_before: notices.omitted } : {};
  notices.told += 1;
  notices.omitted = 0;
  const data = { api_id: apiId, api: slug, pool, upstream, ...details, ...omitted };
  return { type: `upstream.${change}`, dedupeKey: `upstream:${id}`, data, occurredAt: now };
}
