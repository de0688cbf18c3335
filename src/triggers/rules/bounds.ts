import type { Executor } from '../../db/client.ts';
import { AppError } from '../../kernel/errors.ts';
import { MAX_GROUPED } from '../matching/groups.ts';
import { sizeOfTrigger } from '../matching/trigger-size.ts';
import * as bounds from './bounds-store.ts';
import { listConditions, type TriggerRow } from './store.ts';

const MAX_TRIGGERS = 1_000;
/** Enabled triggers of an organization on a chain that every event of their registry has to be shown to. */
const MAX_BROAD = 20;

/** What a trigger may have, and the enabled triggers of an organization together. */
const RATIONS = {
  /** The worst that is let in takes some 2 ms of a processor an event. */
  patterns: { ofTrigger: 5, ofOrganization: 50, what: 'conditions with the operator matches' },
  /** Each may keep a memory of every agent, and move one with every event. */
  statefulConditions: { ofTrigger: 5, ofOrganization: 200, what: 'stateful conditions' },
} as const;

const RATIONED = ['patterns', 'statefulConditions'] as const;

/**
 * Called before a trigger is added.
 * @throws AppError `bad_request` when the organization has as many as it may
 */
export async function holdTriggerCount(tx: Executor, organizationId: string): Promise<void> {
  await bounds.takeTurn(tx, organizationId);
  if ((await bounds.countTriggers(tx, organizationId)) >= MAX_TRIGGERS) {
    throw refuse(`An organization can have at most ${MAX_TRIGGERS} triggers; delete some first`);
  }
}

/**
 * Called once a trigger or its conditions have changed. What others of the organization are allowed has to leave room for
 * this one, unless it asked as much `before`.
 * @throws AppError `bad_request` when the change is too much
 */
export async function holdTriggerBounds(
  tx: Executor,
  trigger: TriggerRow,
  before: TriggerRow | undefined,
): Promise<void> {
  const key = { organizationId: trigger.organizationId, triggerId: trigger.id };
  // Whether or not there will be something to count: in a transaction that changes several triggers, the trail's head is
  // held from the first on, and must not be while waiting for a turn.
  await bounds.takeTurn(tx, key.organizationId);
  const conditions = await listConditions(tx, key);
  const inputs = conditions.map(({ conditionType, ...columns }) => ({ ...columns, condition_type: conditionType }));
  const { grouped, stateful, ...rest } = sizeOfTrigger(inputs, trigger.registry, trigger.matchAll);
  const size = { ...rest, statefulConditions: stateful };
  if (grouped > MAX_GROUPED) {
    throw refuse(`The groups of a trigger can hold at most ${MAX_GROUPED} conditions; these hold ${grouped}`);
  }
  for (const part of RATIONED) {
    const { ofTrigger, what } = RATIONS[part];
    if (size[part] > ofTrigger) throw refuse(`A trigger can have at most ${ofTrigger} ${what}`);
  }
  if (size.broad !== trigger.broad || RATIONED.some((part) => size[part] !== trigger[part])) {
    await bounds.keepSize(tx, key, size);
  }
  if (trigger.enabled) await holdTogether(tx, trigger, size, before?.enabled ? before : undefined);
}

/** `before`: the trigger as it was, if it was counted then. */
async function holdTogether(
  tx: Executor,
  { organizationId, id, chainId }: TriggerRow,
  size: Pick<TriggerRow, 'broad' | 'patterns' | 'statefulConditions'>,
  before: TriggerRow | undefined,
): Promise<void> {
  const key = { organizationId, triggerId: id };
  const wasBroad = before?.broad && before.chainId === chainId;
  if (size.broad && !wasBroad && mostOn(chainId, await bounds.countBroad(tx, key)) >= MAX_BROAD) {
    throw refuse(TOO_BROAD);
  }
  const more = RATIONED.filter((part) => size[part] > (before?.[part] ?? 0));
  if (more.length === 0) return;
  const others = await bounds.countWithin(tx, key);
  for (const part of more) {
    const { ofOrganization, what } = RATIONS[part];
    if (others[part] + size[part] > ofOrganization) {
      throw refuse(`The enabled triggers of an organization can have at most ${ofOrganization} ${what}`);
    }
  }
}

const refuse = (message: string) => new AppError('bad_request', message);

const TOO_BROAD =
  `An organization can have at most ${MAX_BROAD} enabled triggers on a chain that have to look at every event of their registry. ` +
  'Add a condition that an agent, an address, a tag, an event type or another field equals something, or that bounds a number (for a stateful trigger neither a type nor a bound is enough), or disable the trigger';

/** How many there are on the chain that has the most, of those that the trigger is about. */
function mostOn(chainId: number | null, counts: ReadonlyMap<number | null, number>): number {
  const everywhere = counts.get(null) ?? 0;
  if (chainId !== null) return everywhere + (counts.get(chainId) ?? 0);
  return everywhere + Math.max(0, ...[...counts].flatMap(([chain, total]) => (chain === null ? [] : [total])));
}
