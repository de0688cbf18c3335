import { and, eq, inArray, isNull, lte } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import { walletChallenges } from './table.ts';

export type ChallengeRow = typeof walletChallenges.$inferInsert;

/** What a challenge is bound to; whoever uses it must be about exactly that. */
export type ChallengeBinding = Pick<ChallengeRow, 'purpose' | 'walletAddress'> &
  Partial<Pick<ChallengeRow, 'userId' | 'organizationId' | 'chainId' | 'agentId'>>;

const SWEPT_AT_ONCE = 100;

/** Also removes some that have expired, so that the table stays as small as five minutes of use. */
export async function insertChallenge(db: Executor, row: ChallengeRow, now: Date): Promise<void> {
  const expired = db
    .select({ nonce: walletChallenges.nonce })
    .from(walletChallenges)
    .where(lte(walletChallenges.expiresAt, now))
    .limit(SWEPT_AT_ONCE)
    .for('update', { skipLocked: true });
  await db.delete(walletChallenges).where(inArray(walletChallenges.nonce, expired));
  await db.insert(walletChallenges).values(row);
}

/** Takes a challenge away: of two uses at once, one gets the row. */
export async function takeChallenge(db: Executor, nonce: string, binding: ChallengeBinding) {
  const { purpose, walletAddress, userId, agentId } = binding;
  const rows = await db
    .delete(walletChallenges)
    .where(
      and(
        eq(walletChallenges.nonce, nonce),
        eq(walletChallenges.purpose, purpose),
        eq(walletChallenges.walletAddress, walletAddress),
        userId ? eq(walletChallenges.userId, userId) : isNull(walletChallenges.userId),
        agentId ? eq(walletChallenges.agentId, agentId) : isNull(walletChallenges.agentId),
        binding.organizationId ? eq(walletChallenges.organizationId, binding.organizationId) : undefined,
        binding.chainId ? eq(walletChallenges.chainId, binding.chainId) : undefined,
      ),
    )
    .returning();
  return rows[0];
}
