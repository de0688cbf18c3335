import type { Calls, WindowRow } from './rows.ts';
import { addCalls, type Draft, erase, NO_CALLS, type QuotaState, spendingOf, WINDOW_MS, write } from './state.ts';
import type { ClosedWindow, QuotaEvent } from './usage/window.ts';

/** Isolates have reported their last leases by then, or lost them. */
const SETTLED_AFTER = 70_000;

/** Requests that are let through unasked come in bursts; they are told of together. */
const DEGRADED_AFTER = 5_000;

/** What the database has to be told. */
export type Task = { kind: 'window'; window: ClosedWindow } | { kind: 'event'; startedAt: number; event: QuotaEvent };

/** What is due at that time: events of any window, and the windows that are over. */
export function dueTasks(state: QuotaState, now: number): Task[] {
  return [...state.windows.values()].flatMap(({ row }) => {
    const events: Task[] = eventsOf(row).map((event) => ({ kind: 'event', startedAt: row.startedAt, event }));
    return now < row.startedAt + WINDOW_MS + SETTLED_AFTER
      ? events
      : [...events, { kind: 'window', window: close(state, row) }];
  });
}

function eventsOf(row: WindowRow): QuotaEvent[] {
  const { startedAt, limit, noted, degraded, warnedAt, exhaustedAt } = row;
  const window = { window_started_at: new Date(startedAt).toISOString(), limit };
  const events: QuotaEvent[] = [];
  if (warnedAt !== null && !noted.warning) {
    events.push({
      type: 'quota.warning',
      dedupeKey: `quota.warning:${startedAt}`,
      data: { ...window, percent: 80 },
      occurredAt: warnedAt,
    });
  }
  if (exhaustedAt !== null && !noted.exhausted) {
    events.push({
      type: 'quota.exhausted',
      dedupeKey: `quota.exhausted:${startedAt}`,
      data: { ...window, percent: 100 },
      occurredAt: exhaustedAt,
    });
  }
  if (degraded.calls > noted.degradedCalls) {
    const data = { ...window, calls: degraded.calls, units: degraded.units };
    events.push({
      type: 'quota.degraded',
      dedupeKey: `quota.degraded:${startedAt}:${degraded.calls}`,
      data,
      occurredAt: degraded.at,
    });
  }
  return events;
}

function close(state: QuotaState, { startedAt, limit }: WindowRow): ClosedWindow {
  const drawers = [...(state.windows.get(startedAt)?.drawers.values() ?? [])];
  return {
    startedAt,
    endedAt: startedAt + WINDOW_MS,
    limit,
    units: drawers.reduce((sum, { charged, leased }) => sum + charged + leased, 0),
    calls: drawers.reduce<Calls>((sum, { calls }) => addCalls(sum, calls), [...NO_CALLS]),
    drawers: drawers.map(spendingOf),
  };
}

/** The database has it. */
export function taskDone(draft: Draft, task: Task): void {
  const window = draft.state.windows.get(task.kind === 'window' ? task.window.startedAt : task.startedAt);
  if (!window) return;
  if (task.kind === 'event') {
    const { row } = window;
    const noted = { ...row.noted };
    if (task.event.type === 'quota.warning') noted.warning = true;
    if (task.event.type === 'quota.exhausted') noted.exhausted = true;
    if (task.event.type === 'quota.degraded') noted.degradedCalls = task.event.data['calls'] as number; // as eventsOf put it
    write(draft, { kind: 'window', row: { ...row, noted } });
    return;
  }
  for (const lease of [...draft.state.leases.values()]) {
    if (lease.startedAt === window.row.startedAt) erase(draft, { kind: 'lease', row: lease });
  }
  for (const drawer of [...window.drawers.values()]) erase(draft, { kind: 'drawer', row: drawer });
  erase(draft, { kind: 'window', row: window.row });
}

/** When there is something to do next, if there is. */
export function nextDue(state: QuotaState, now: number): number | undefined {
  const times = [...state.windows.values()].flatMap(({ row }) => {
    const { noted, degraded, warnedAt, exhaustedAt } = row;
    const atOnce = (warnedAt !== null && !noted.warning) || (exhaustedAt !== null && !noted.exhausted);
    return [
      row.startedAt + WINDOW_MS + SETTLED_AFTER,
      ...(atOnce ? [now] : []),
      ...(degraded.calls > noted.degradedCalls ? [now + DEGRADED_AFTER] : []),
    ];
  });
  return times.length === 0 ? undefined : Math.min(...times);
}
