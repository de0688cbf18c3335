import { outstandingIn } from './leases.ts';
import { type Draft, openWindow, usedIn, write } from './state.ts';

const WARN_AT = 0.8;

/** Notes in the window when 80 % and 100 % of it are used, the first time that they are. */
export function noteLevels(draft: Draft, limit: number): void {
  const { state, now } = draft;
  const window = openWindow(state, now);
  if (!window) return;
  const { row } = window;
  if (row.exhaustedAt !== null) return;
  const used = usedIn(window) - outstandingIn(state, row.startedAt, now);
  const warnedAt = row.warnedAt ?? (used >= WARN_AT * limit ? now : null);
  const exhaustedAt = used >= limit ? now : null;
  if (warnedAt === row.warnedAt && exhaustedAt === null) return;
  write(draft, { kind: 'window', row: { ...row, warnedAt, exhaustedAt } });
}
