import type { ChainEvent, EventFields } from '../../../src/chain/events.ts';
import { compileCondition } from '../../../src/triggers/matching/conditions.ts';
import { type MatchableEvent, matchable } from '../../../src/triggers/matching/event.ts';
import type { CompiledCondition } from '../../../src/triggers/matching/predicate.ts';
import type { StoredCondition, StoredTrigger } from '../../../src/triggers/matching/rule.ts';

export const ALICE = `0x${'a1'.repeat(20)}`;
export const HASH = `0x${'c3'.repeat(32)}`;

/** A NewFeedback of agent 7 on Sepolia at 2026-03-01T12:00:00Z, changed as told. */
export function sampleEvent(change: Partial<ChainEvent> = {}, id = 'evt_1'): MatchableEvent {
  return matchable(id, {
    chainId: 11155111,
    registry: 'reputation',
    eventType: 'NewFeedback',
    blockNumber: 9_000_001,
    blockHash: HASH,
    blockTime: new Date('2026-03-01T12:00:00Z'),
    transactionHash: HASH,
    logIndex: 3,
    ...change,
    fields: {
      agent_id: '7',
      client_address: ALICE,
      value: '87',
      value_decimals: 0,
      score: '87',
      tag1: 'starred',
      ...change.fields,
    },
  });
}

export const withFields = (fields: EventFields) => sampleEvent({ fields });

/** A condition of the general form. */
export const condition = (
  field: string,
  operator: string,
  value: string,
  config: StoredCondition['config'] = null,
) => ({
  condition_type: 'field',
  field,
  operator,
  value,
  config,
});

/** Whether the condition holds; a refusal is thrown, so that a test cannot mistake it for false. */
export function holds(compiled: CompiledCondition, event: MatchableEvent): boolean {
  if (!compiled.ok) throw new Error(`refused: ${compiled.path} ${compiled.message}`);
  if ('state' in compiled) throw new Error(`stateful: ${compiled.state.kind}`);
  return compiled.predicate(event);
}

/** Whether `field operator value` holds for an event that has (only) this value in the field. */
export const compare = (
  field: string,
  actual: string | number | null,
  operator: string,
  value: string,
  config?: StoredCondition['config'],
) => holds(compileCondition(condition(field, operator, value, config ?? null)), withFields({ [field]: actual }));

/** An enabled trigger for reputation events of every chain, from before the sample event. */
export function sampleTrigger(change: Partial<StoredTrigger> = {}): StoredTrigger {
  return {
    id: 'trigger-1',
    version: 1,
    chainId: null,
    registry: 'reputation',
    enabled: true,
    matchAll: false,
    confirmations: null,
    createdAt: new Date('2026-03-01T00:00:00Z'),
    conditions: [],
    ...change,
  };
}
