import { type ConditionFault, compileTrigger, type StoredTrigger } from './rule.ts';
import { RuleIndex } from './rule-index.ts';

/** The triggers of one chain as the matcher knows them: those that can fire, and those that should but cannot be read. */
export class RuleSet {
  readonly index = new RuleIndex();
  readonly #broken = new Map<string, ConditionFault[]>();

  /** Ids of triggers that never fire because a stored condition of theirs does not compile. */
  get broken(): readonly string[] {
    return [...this.#broken.keys()];
  }

  /** Takes a trigger in, in place of what was known of it; answers the faults that keep it from firing, if any. */
  put(trigger: StoredTrigger): ConditionFault[] {
    this.remove(trigger.id);
    const compiled = compileTrigger(trigger);
    if (compiled.state === 'active') this.index.put(compiled.rule);
    if (compiled.state !== 'broken') return [];
    this.#broken.set(trigger.id, compiled.faults);
    return compiled.faults;
  }

  remove(triggerId: string): void {
    this.index.remove(triggerId);
    this.#broken.delete(triggerId);
  }
}
