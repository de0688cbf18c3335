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
import { listActions } from '../rules/store.ts';

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
 * Makes the actions of a trigger these: one at the same place is changed and keeps its id, deliveries and secrets.
 * Answers the secrets that are new.
 */
export async function reconcileActions(
  tx: Executor,
  ctx: OrganizationCtx,
  deps: ActionDeps,
  { triggerId, actions }: { triggerId: string; actions: readonly SharedAction[] },
): Promise<Set<string>> {
  const present = await listActions(tx, { organizationId: ctx.organizationId, triggerId });
  for (const { id } of present.slice(actions.length)) await removeAction(tx, ctx, triggerId, id);
  const fresh = new Set<string>();
  for (const [place, { index, input, signingSecret }] of actions.entries()) {
    const id = present[place]?.id;
    await within(index, async () => {
      if (id === undefined) {
        const made = await addAction(tx, ctx, await prepareAction(ctx, deps, { triggerId, input, signingSecret }));
        if (made.actionType === 'rest') fresh.add(signingSecret);
      } else {
        const { isSigning } = await changeAction(tx, ctx, deps, { triggerId, id, patch: input, signingSecret });
        if (isSigning) fresh.add(signingSecret);
      }
    });
  }
  return fresh;
}

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
