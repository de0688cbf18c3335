import type { Executor } from '../../db/client.ts';
import { AppError } from '../../kernel/errors.ts';
import { countOwned } from '../members/store.ts';
import { countOrganizationMade, lockUser } from '../users/store.ts';

/** Each organization has a quota of its own: as many as one likes would be as much quota as one likes. */
const MAX_OWNED = 10;

/** And each that is made anew has a new one. */
const MAX_MADE_A_DAY = 20;

/** Part of making an organization, which so takes turns with others of the same person. @throws AppError `bad_request` */
export async function holdAllowance(tx: Executor, userId: string, now: Date): Promise<void> {
  const made = await countOrganizationMade(tx, userId, now.toISOString().slice(0, 'yyyy-mm-dd'.length));
  if (made > MAX_MADE_A_DAY) {
    throw new AppError('bad_request', `A person can make at most ${MAX_MADE_A_DAY} organizations a day`);
  }
  await refuseMore(tx, userId, 'You own');
}

/** Part of handing an organization to somebody. @throws AppError `bad_request` */
export async function holdRoomForAnother(tx: Executor, userId: string): Promise<void> {
  await lockUser(tx, userId);
  await refuseMore(tx, userId, 'The new owner owns');
}

async function refuseMore(tx: Executor, userId: string, who: string): Promise<void> {
  if ((await countOwned(tx, userId)) < MAX_OWNED) return;
  throw new AppError(
    'bad_request',
    `${who} ${MAX_OWNED} organizations beside the personal one, which is all that one person can`,
  );
}
