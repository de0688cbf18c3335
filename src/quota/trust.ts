import type { EdgeState } from './edge-state.ts';
import { planOf } from './figures.ts';
import { LEASE_TTL, MARGIN, mayLease } from './leases.ts';
import { type Draft, openWindow, type QuotaState, write } from './state.ts';

/** Lets isolates act on an answer for a while, and remembers until when. */
export function trust({ state, now }: Draft, duration: number): number {
  state.trustedUntil = Math.max(state.trustedUntil, now + duration);
  return duration;
}

/** The same of a refusal for want of units; the window notes that there was one, so that a start knows of it too. */
export function trustRefusal(draft: Draft, duration: number): number {
  const window = openWindow(draft.state, draft.now);
  if (!window) return 0;
  if (!window.row.refused) write(draft, { kind: 'window', row: { ...window.row, refused: true } });
  return trust(draft, duration);
}

/** When no isolate acts any more on what it was told before now, by the object's clock. */
export const endOfTrust = ({ trustedUntil }: QuotaState): number => (trustedUntil === 0 ? 0 : trustedUntil + MARGIN);

/** After a start nobody knows what was told before it: where isolates may have been trusted, they are taken to be. */
export function trustAnew(edge: EdgeState, state: QuotaState, now: number): void {
  const refused = openWindow(state, now)?.row.refused ?? false;
  if (refused || mayLease(edge, planOf(edge).unitsPerHour)) state.trustedUntil = now + LEASE_TTL;
}
