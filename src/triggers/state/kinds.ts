import type { Registry } from '../../chain/events.ts';
import type { ConditionInput } from '../matching/conditions.ts';
import type { Refusal } from '../matching/predicate.ts';
import type { CompiledState } from './machine.ts';
import { changed } from './machines/changed.ts';
import { count } from './machines/count.ts';
import { crossing } from './machines/crossing.ts';
import { distinct } from './machines/distinct.ts';
import { ema } from './machines/ema.ts';
import { cooldown, maxFires } from './machines/gates.ts';
import { rateOfChange } from './machines/rate-of-change.ts';
import { absence, sustained } from './machines/timed.ts';

type StatefulKind = (input: ConditionInput, registry: Registry | undefined) => CompiledState | Refusal;

/** Every kind of condition that remembers, by its `condition_type`. `rate_limit` is the ancestor's name of `count`. */
export const STATEFUL_KINDS: ReadonlyMap<string, StatefulKind> = new Map<string, StatefulKind>([
  ['ema_threshold', ema],
  ['rate_limit', count],
  ['count', count],
  ['distinct_count', distinct],
  ['rate_of_change', rateOfChange],
  ['threshold_crossing', crossing],
  ['absence', absence],
  ['sustained', sustained],
  ['cooldown', cooldown],
  ['max_fires', maxFires],
]);

/** The operator `changed` of the general form. */
export const compileChanged: StatefulKind = changed;
