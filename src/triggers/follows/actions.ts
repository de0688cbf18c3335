import type { OrganizationCtx } from '../../access/ctx.ts';
import type { Executor } from '../../db/client.ts';
import { AppError } from '../../kernel/errors.ts';
import { newSigningSecret } from '../../outbound/signature.ts';
import {
  type ActionDeps,
  type ActionFields,
  addAction,
  changeAction,
  prepareAction,
  removeAction,
} from '../rules/action-service.ts';
import { type ActionRow, listActions } from '../rules/store.ts';

/** An action that each trigger of a follow gets, with one signing secret for all of them. */
export interface SharedAction {
  /** Where it stood in the request. */
  index: number;
  input: ActionFields;
  signingSecret: string;
}

/** By priority, as the actions of a trigger are listed: so the same list sent again finds each at its place. */
export const shareActions = (inputs: readonly ActionFields[]): SharedAction[] =>
  inputs
    .map((input, index) => ({ index, input, signingSecret: newSigningSecret() }))
    .sort((a, b) => a.input.priority - b.input.priority || a.index - b.index);

/** The actions as a trigger's own, checked and sealed. @throws AppError `validation_failed` below `actions.<index>.` */
export const prepareActions = (
  ctx: OrganizationCtx,
  deps: ActionDeps,
  triggerId: string,
  actions: readonly SharedAction[],
) =>
  Promise.all(
    actions.map(({ index, ...action }) => within(index, () => prepareAction(ctx, deps, { triggerId, ...action }))),
  );

/**
 * Makes the actions of each trigger these: one at the same place is changed and keeps its id, deliveries and secrets.
 * Where one of the triggers has to have a new signing secret at a place, all of them sign with it there, since it is told
 * as the secret of them all. To be called with the triggers locked. Answers the secrets that are new.
 */
export async function reconcileActions(
  tx: Executor,
  ctx: OrganizationCtx,
  deps: ActionDeps,
  { triggerIds, actions }: { triggerIds: readonly string[]; actions: readonly SharedAction[] },
): Promise<ReadonlySet<string>> {
  const { organizationId } = ctx;
  const owned: { triggerId: string; present: ActionRow[] }[] = [];
  for (const triggerId of triggerIds) {
    owned.push({ triggerId, present: await listActions(tx, { organizationId, triggerId }) });
  }
  const fresh = new Set(
    actions
      .filter(
        ({ input }, place) => input.action_type === 'rest' && owned.some(({ present }) => !signsAt(present, place)),
      )
      .map(({ signingSecret }) => signingSecret),
  );
  for (const { triggerId, present } of owned) {
    for (const { id } of present.slice(actions.length)) await removeAction(tx, ctx, triggerId, id);
    for (const [place, { index, input, signingSecret }] of actions.entries()) {
      const id = present[place]?.id;
      await within(index, async () => {
        if (id === undefined) {
          await addAction(tx, ctx, await prepareAction(ctx, deps, { triggerId, input, signingSecret }));
        } else {
          const isRekeyed = fresh.has(signingSecret);
          await changeAction(tx, ctx, deps, { triggerId, id, patch: input, signingSecret, isRekeyed });
        }
      });
    }
  }
  return fresh;
}

const signsAt = (present: readonly ActionRow[], place: number) => present[place]?.actionType === 'rest';

/** What was sent, with the secrets that receivers have to be given. */
export const actionsToWire = (actions: readonly SharedAction[], fresh: ReadonlySet<string>) =>
  actions.map(({ input, signingSecret }) => ({
    action_type: input.action_type,
    priority: input.priority,
    ...(fresh.has(signingSecret) && { signing_secret: signingSecret }),
  }));

/** Names the faults of an action by its place in the request. */
async function within<T>(index: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError) || !error.details) throw error;
    const details = error.details.map(({ path, message }) => ({ path: `actions.${index}.${path}`, message }));
    throw new AppError(error.code, error.message, { details, cause: error });
  }
}
