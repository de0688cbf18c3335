import type { LimitFigures } from '../../access/admission.ts';
import type { Cell } from './cell.ts';

/** What an isolate lets through of an organization while nobody can say what it has left. */
const UNITS = 10;
const WINDOW = 60_000;

/** Takes units of the isolate's own small limit; says what is left of it, and when it is whole again. */
export function spendFallback(cell: Cell, units: number, now: number): { allowed: boolean; figures: LimitFigures } {
  const over = now >= cell.fallback.startedAt + WINDOW;
  const spent = over ? { startedAt: now, units: 0 } : cell.fallback;
  const allowed = spent.units + units <= UNITS;
  cell.fallback = allowed ? { ...spent, units: spent.units + units } : spent;
  const figures = {
    name: 'degraded',
    limit: UNITS,
    windowSeconds: WINDOW / 1_000,
    remaining: UNITS - cell.fallback.units,
    resetAt: cell.fallback.startedAt + WINDOW,
  };
  return { allowed, figures };
}
