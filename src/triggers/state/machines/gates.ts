import type { ConditionInput } from '../../matching/conditions.ts';
import type { Refusal } from '../../matching/predicate.ts';
import { optionsOf, scopeOf, spanOf, wholeValue } from '../input.ts';
import { type CompiledState, machine } from '../machine.ts';
import { endOf, newest, within } from '../samples.ts';

const MAX_FIRES = 1_000;

type FiresMemory = { fires: readonly number[] };

/** `cooldown`: after a fire the trigger does not fire again for the `time_window`. */
export function cooldown(input: ConditionInput): CompiledState | Refusal {
  return gate(input, 1);
}

/** `max_fires`: the trigger fires at most `value` times in any `time_window` (an hour, unless it is given). */
export function maxFires(input: ConditionInput): CompiledState | Refusal {
  const most = wholeValue(input, 1, MAX_FIRES);
  if (!most.ok) return most;
  return gate({ ...input, config: { time_window: '1h', ...input.config } }, most.value);
}

function gate(input: ConditionInput, most: number): CompiledState | Refusal {
  const options = optionsOf(input, ['time_window', 'scope']);
  if (!options.ok) return options;
  const scope = scopeOf(input, 'trigger');
  if (!scope.ok) return scope;
  const span = spanOf(input, 'time_window');
  if (!span.ok) return span;
  const state = machine<FiresMemory>({
    kind: input.condition_type,
    scope: scope.value,
    gate: true,
    onTime(memory, at) {
      const fires = within(memory?.fires ?? [], at, span.value);
      return { memory: { fires }, holds: fires.length < most };
    },
    endsAt: ({ fires }) => endOf(fires, span.value),
    onFire: ({ fires }, at) => ({ fires: newest([...fires, at], most) }),
  });
  return { ok: true, state };
}
