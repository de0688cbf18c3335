import { auditHash, GENESIS } from './content.ts';
import type { AuditRow } from './read-store.ts';

export interface ChainFault {
  seq: number;
  reason: string;
}

/** Follows a chain of audit rows from its beginning, some rows at a time, up to the first fault. */
export class ChainCheck {
  seq = 0;
  hash = GENESIS;
  fault: ChainFault | null = null;

  async follow(rows: readonly AuditRow[]): Promise<void> {
    for (const row of rows) {
      if (this.fault) return;
      this.fault = await this.#faultOf(row);
      this.seq = row.seq;
      this.hash = row.hash;
    }
  }

  /** Compares the end that was reached with the one that is on record. */
  finish(head: { seq: number; hash: string }): void {
    if (this.fault || (head.seq === this.seq && head.hash === this.hash)) return;
    this.fault = { seq: this.seq + 1, reason: `the trail ends at ${this.seq} instead of ${head.seq}` };
  }

  async #faultOf(row: AuditRow): Promise<ChainFault | null> {
    const expected = this.seq + 1;
    if (row.seq !== expected) return { seq: expected, reason: `entry ${expected} is missing` };
    if ((await auditHash(this.hash, row.seq, row.content)) !== row.hash) {
      return { seq: row.seq, reason: 'the hash does not fit the content and the entry before' };
    }
    const content: unknown = JSON.parse(row.content);
    return columnsAgree(row, content) ? null : { seq: row.seq, reason: 'the columns differ from the hashed content' };
  }
}

/** The columns that are filtered by are not hashed themselves: they have to repeat what is. */
function columnsAgree(row: AuditRow, content: unknown): boolean {
  const columns = {
    actor: row.actor,
    action: row.action,
    target: { type: row.targetType, id: row.targetId },
    created_at: row.createdAt.toISOString(),
  };
  const { actor, action, target, created_at } = content as typeof columns;
  return JSON.stringify({ actor, action, target, created_at }) === JSON.stringify(columns);
}
