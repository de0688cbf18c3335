import { and, eq, lte, sql } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import { idempotentAnswers } from './table.ts';

export interface AnswerKey {
  principal: string;
  key: string;
}

/** A key in the hands of one attempt. */
export interface Hold extends AnswerKey {
  holder: string;
}

const UNDER_WAY = 0;

const isAnswer = ({ principal, key }: AnswerKey) =>
  and(eq(idempotentAnswers.principal, principal), eq(idempotentAnswers.key, key));

const isHeld = (hold: Hold) =>
  and(isAnswer(hold), eq(idempotentAnswers.holder, hold.holder), eq(idempotentAnswers.status, UNDER_WAY));

/** Fails a statement that waits longer for a lock (SQLSTATE 55P03), instead of holding the request. */
export async function limitWaiting(tx: Executor, seconds: number): Promise<void> {
  await tx.execute(sql.raw(`set local lock_timeout = '${seconds}s'`));
}

/**
 * Takes a key that is free: never used, given back or expired. While another transaction has taken it and not ended,
 * this waits for that. `false`: an answer is stored, or another attempt is under way.
 */
export async function takeKey(
  db: Executor,
  row: Hold & { fingerprint: string; expiresAt: Date },
  now: Date,
): Promise<boolean> {
  const taken = { ...row, status: UNDER_WAY, sealedBody: null, organizationId: null };
  const rows = await db
    .insert(idempotentAnswers)
    .values(taken)
    .onConflictDoUpdate({
      target: [idempotentAnswers.principal, idempotentAnswers.key],
      set: taken,
      setWhere: lte(idempotentAnswers.expiresAt, now),
    })
    .returning({ key: idempotentAnswers.key });
  return rows.length > 0;
}

/** What is known of a key: which request took it, and its answer unless that is still to come. */
export async function findAnswer(db: Executor, key: AnswerKey) {
  const rows = await db.select().from(idempotentAnswers).where(isAnswer(key)).limit(1);
  return rows[0] && { ...rows[0], underWay: rows[0].status === UNDER_WAY };
}

export type StoredAnswer = NonNullable<Awaited<ReturnType<typeof findAnswer>>>;

/** Stores the answer of the attempt that holds the key; of one that has lost it nothing is stored. */
export async function keepAnswer(
  db: Executor,
  hold: Hold,
  answer: Pick<StoredAnswer, 'status' | 'sealedBody' | 'organizationId' | 'expiresAt'>,
): Promise<void> {
  await db.update(idempotentAnswers).set(answer).where(isHeld(hold));
}

/** Gives the key back, if the attempt still holds it. */
export async function releaseKey(db: Executor, hold: Hold): Promise<void> {
  await db.delete(idempotentAnswers).where(isHeld(hold));
}

export async function deleteExpiredAnswers(db: Executor, now: Date): Promise<void> {
  await db.delete(idempotentAnswers).where(lte(idempotentAnswers.expiresAt, now));
}
