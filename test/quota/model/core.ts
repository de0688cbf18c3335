import { admit } from '../../../src/quota/admit.ts';
import { dueTasks, taskDone } from '../../../src/quota/due.ts';
import { giveBack } from '../../../src/quota/give-back.ts';
import { unspend } from '../../../src/quota/isolate/cell.ts';
import { decideFromReserve, decideHere } from '../../../src/quota/isolate/decide.ts';
import { absorb, newsOf, reportsOf } from '../../../src/quota/isolate/exchange.ts';
import { type Change, idOf, type Row } from '../../../src/quota/rows.ts';
import { endOfTrust, trustAnew } from '../../../src/quota/trust.ts';

/** What outlives the object's memory. */
export interface Storage {
  write(changes: readonly Change[]): void;
  /** What is left of it after a crash. */
  rows(): Row[];
}

/** The functions under test, as a record: a mutant is the same record with one of them replaced. */
export const newCore = () => ({
  admit,
  giveBack,
  dueTasks,
  taskDone,
  endOfTrust,
  trustAnew,
  newStorage,
  decideHere,
  decideFromReserve,
  newsOf,
  reportsOf,
  absorb,
  unspend,
});

export type Core = ReturnType<typeof newCore>;

/** Rows as text, as the object's SQLite has them: nothing is shared with the memory that wrote them. */
export function newStorage(): Storage {
  const rows = new Map<string, string>();
  return {
    write(changes) {
      for (const change of changes) {
        if ('put' in change) rows.set(`${change.put.kind} ${idOf(change.put)}`, JSON.stringify(change.put));
        else rows.delete(`${change.remove.kind} ${change.remove.id}`);
      }
    },
    // In the order of the table's primary key, which is text.
    rows: () => [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => JSON.parse(text) as Row), // as written
  };
}
