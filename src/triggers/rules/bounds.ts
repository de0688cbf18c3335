import type { Executor } from '../../db/client.ts';
import { AppError } from '../../kernel/errors.ts';
import { MAX_GROUPED } from '../matching/groups.ts';
import { sizeOfTrigger } from '../matching/trigger-size.ts';
import * as bounds from './bounds-store.ts';
import { listConditions, type TriggerRow } from './store.ts';

const MAX_TRIGGERS = 1_000;
/** Enabled triggers of an organization on a chain that every event of their registry has to be shown to. */
const MAX_BROAD = 20;
const MAX_PATTERNS_OF_TRIGGER = 10;
/** Searching a long text for the worst pattern that is let in takes some 15 ms. */
const MAX_PATTERNS = 100;

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
  const { broad, grouped, patterns } = sizeOfTrigger(inputs, trigger.registry, trigger.matchAll);
  if (grouped > MAX_GROUPED) {
    throw refuse(`The groups of a trigger can hold at most ${MAX_GROUPED} conditions; these hold ${grouped}`);
  }
  if (patterns > MAX_PATTERNS_OF_TRIGGER) {
    throw refuse(`A trigger can have at most ${MAX_PATTERNS_OF_TRIGGER} conditions with the operator matches`);
  }
  if (broad !== trigger.broad || patterns !== trigger.patterns) await bounds.keepSize(tx, key, { broad, patterns });
  if (!trigger.enabled || (!broad && patterns === 0)) return;
  const wasBroad = before?.enabled && before.broad && before.chainId === trigger.chainId;
  if (broad && !wasBroad && mostOn(trigger.chainId, await bounds.countBroad(tx, key)) >= MAX_BROAD) {
    throw refuse(TOO_BROAD);
  }
  const hadPatterns = before?.enabled ? before.patterns : 0;
  if (patterns > hadPatterns && (await bounds.countPatterns(tx, key)) + patterns > MAX_PATTERNS) {
    throw refuse(
      `The enabled triggers of an organization can have at most ${MAX_PATTERNS} conditions with the operator matches`,
    );
  }
}

const refuse = (message: string) => new AppError('bad_request', message);

const TOO_BROAD =
  `An organization can have at most ${MAX_BROAD} enabled triggers on a chain that have to look at every event of their registry. ` +
  'Add a condition that an agent, an address, a tag, an event type or another field equals something, or that bounds a number, or disable the trigger';

/** How many there are on the chain that has the most, of those that the trigger is about. */
function mostOn(chainId: number | null, counts: ReadonlyMap<number | null, number>): number {
  const everywhere = counts.get(null) ?? 0;
  if (chainId !== null) return everywhere + (counts.get(chainId) ?? 0);
  return everywhere + Math.max(0, ...[...counts].flatMap(([chain, total]) => (chain === null ? [] : [total])));
}
