import { and, eq, lte, sql } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import { idempotentAnswers } from './table.ts';

export interface AnswerKey {
  principal: string;
  key: string;
}

const isAnswer = ({ principal, key }: AnswerKey) =>
  and(eq(idempotentAnswers.principal, principal), eq(idempotentAnswers.key, key));

/** Fails a statement that waits longer for a lock (SQLSTATE 55P03), instead of holding the request. */
export async function limitWaiting(tx: Executor, seconds: number): Promise<void> {
  await tx.execute(sql.raw(`set local lock_timeout = '${seconds}s'`));
}

/**
 * Takes a key for this request. While another request holds it, this waits for that one to commit or fail. `false`: an
 * answer is stored already.
 */
export async function takeKey(
  tx: Executor,
  row: AnswerKey & { fingerprint: string; expiresAt: Date },
  now: Date,
): Promise<boolean> {
  const taken = await tx
    .insert(idempotentAnswers)
    .values({ ...row, status: 0 })
    .onConflictDoUpdate({
      target: [idempotentAnswers.principal, idempotentAnswers.key],
      set: {
        fingerprint: row.fingerprint,
        status: 0,
        sealedBody: null,
        organizationId: null,
        expiresAt: row.expiresAt,
      },
      setWhere: lte(idempotentAnswers.expiresAt, now),
    })
    .returning({ key: idempotentAnswers.key });
  return taken.length > 0;
}

export async function findAnswer(tx: Executor, key: AnswerKey) {
  const rows = await tx.select().from(idempotentAnswers).where(isAnswer(key)).limit(1);
  return rows[0];
}

export async function keepAnswer(
  tx: Executor,
  key: AnswerKey,
  answer: { status: number; sealedBody: string | null; organizationId: string | null },
): Promise<void> {
  await tx.update(idempotentAnswers).set(answer).where(isAnswer(key));
}

export async function deleteExpiredAnswers(db: Executor, now: Date): Promise<void> {
  await db.delete(idempotentAnswers).where(lte(idempotentAnswers.expiresAt, now));
}
