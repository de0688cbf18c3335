import type { AdmitAnswer, Granted, IsolateNews } from '../protocol.ts';
import { type Cell, close, closeEnded, heldAsTold, hold } from './cell.ts';
import { expectedUnits } from './pace.ts';

/** Keys of an organization that an isolate remembers: as many as it may have. */
const MAX_KEYS = 500;

/** Somebody with a key that has been revoked must not keep the object busy with it. */
const NO_GOOD_FOR = 2_000;

/** What to tell the object and ask of it; within `patience` one request alone asks for a lease. */
export function newsOf(cell: Cell, isolate: string, now: number, patience: number): IsolateNews {
  const asking = cell.askedAt !== undefined && now < cell.askedAt + patience;
  if (!asking) cell.askedAt = now;
  return { ...reportsOf(cell, isolate, now), want: asking ? 0 : expectedUnits(cell.pace, now) };
}

/** What to tell alone. An isolate that nobody asks anything of asks for nothing, and falls silent. */
export function reportsOf(cell: Cell, isolate: string, now: number): IsolateNews {
  closeEnded(cell, now);
  return { id: isolate, want: 0, reports: [...cell.reports], debts: [...cell.debts] };
}

/** One question to the object. */
export interface Question {
  /** Of the key that was asked about, if any. */
  hash: string | undefined;
  units: number;
  told: IsolateNews;
  /** Before it was asked, on this isolate's clock: nothing that the object grants is used for longer than from then. */
  askedAt: number;
}

/** Takes in the answer. What was told has arrived, and is not told again. */
export function absorb(cell: Cell, question: Question, answer: AdmitAnswer): void {
  const { told, askedAt, hash } = question;
  const reported = new Set(told.reports.map(({ leaseId }) => leaseId));
  cell.reports = cell.reports.filter(({ leaseId }) => !reported.has(leaseId));
  const paid = new Set(told.debts.map(({ operationId }) => operationId));
  cell.debts = cell.debts.filter(({ operationId }) => !paid.has(operationId));
  if (cell.askedAt === askedAt) cell.askedAt = undefined;
  if ('gateway' in answer) cell.gateway = Math.max(cell.gateway, answer.gateway);
  cell.brokenUntil = 0;
  if (hash !== undefined) learn(cell, hash, answer, askedAt);
  if (answer.ok) takeOver(cell, answer, question);
  else if (answer.refused === 'quota' && answer.trusted > 0) {
    cell.refusal = { units: question.units, since: askedAt, until: askedAt + answer.trusted, answer };
  }
}

function learn(cell: Cell, hash: string, answer: AdmitAnswer, askedAt: number): void {
  cell.keys.delete(hash);
  if (!answer.ok && (answer.refused === 'unknown' || answer.refused === 'expired')) {
    keep(cell.noGood, hash, { refused: answer.refused, until: askedAt + NO_GOOD_FOR });
  }
  if (!('key' in answer) || !answer.key) return;
  // Not trusted at all is not trusted either when the clock is set back.
  const trustedUntil = answer.trusted > 0 ? askedAt + answer.trusted : 0;
  keep(cell.keys, hash, { key: answer.key, at: askedAt, trustedUntil });
}

/** The oldest goes when there are too many. */
function keep<T>(known: Map<string, T>, hash: string, value: T): void {
  known.delete(hash);
  const [oldest] = known.keys();
  if (known.size >= MAX_KEYS && oldest !== undefined) known.delete(oldest);
  known.set(hash, value);
}

function takeOver(cell: Cell, answer: Granted, { askedAt, told }: Question): void {
  const windowEnd = askedAt + answer.window.endsIn;
  if (answer.recallReserve) close(cell, 'reserve');
  if (answer.lease) {
    close(cell, 'lease');
    cell.lease = hold(answer.lease, Math.min(askedAt + answer.lease.ttl, windowEnd));
  } else if (cell.lease && told.want > 0) {
    // There was none to be had: asking for the next one before this one is used up would be in vain.
    cell.lease.size = 0;
  }
  if (answer.reserve) {
    close(cell, 'reserve');
    cell.reserve = hold(answer.reserve, Math.min(askedAt + answer.reserve.ttl, windowEnd));
  }
  // Each answer tells the window's end a little too early: nothing is spent when the figures are over.
  for (const held of [cell.lease, cell.reserve]) if (held) held.endsAt = Math.min(held.endsAt, windowEnd);
  cell.refusal = undefined;
  cell.maxTier = answer.maxTier;
  // With a ceiling of its own a key has figures of its own.
  if (answer.key && answer.key.rateLimitOverride !== null) return;
  const [hour] = answer.limits;
  cell.figures = { ...hour, resetAt: windowEnd, remaining: Math.max(0, hour.remaining - heldAsTold(cell)) };
}
