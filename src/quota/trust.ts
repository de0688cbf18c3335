import { LEASE_TTL, MARGIN } from './leases.ts';
import { type Draft, openWindow, type QuotaState, WINDOW_MS, write } from './state.ts';

/**
 * Lets isolates act on an answer for a while, and remembers until when. The window notes that there was one, so that a
 * start knows of it too, whatever was published in between; outside of a window nobody is trusted.
 */
export function trust(draft: Draft, duration: number): number {
  const { state, now } = draft;
  const window = openWindow(state, now);
  if (!window) return 0;
  if (!window.row.trusted) write(draft, { kind: 'window', row: { ...window.row, trusted: true } });
  state.trustedUntil = Math.max(state.trustedUntil, now + duration);
  return duration;
}

/** When no isolate acts any more on what it was told before now, by the object's clock. */
export const endOfTrust = ({ trustedUntil }: QuotaState): number => (trustedUntil === 0 ? 0 : trustedUntil + MARGIN);

/** After a start nobody knows what was told before it: where isolates may have been trusted, they are taken to be. */
export function trustAnew(state: QuotaState, now: number): void {
  const lately = [...state.windows.values()].some(
    ({ row }) => row.trusted && now < row.startedAt + WINDOW_MS + LEASE_TTL,
  );
  if (lately) state.trustedUntil = now + LEASE_TTL;
}
