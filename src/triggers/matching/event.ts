import { type ChainEvent, completeFields, type EventFields, type Registry } from '../../chain/events.ts';

/** A recorded event as conditions see it. */
export interface MatchableEvent {
  readonly id: string;
  readonly chainId: number;
  readonly registry: Registry;
  readonly blockTime: Date;
  /** Every field that the event has, those of its place included, under the public contract's names. */
  readonly fields: EventFields;
}

export function matchable(id: string, event: ChainEvent): MatchableEvent {
  const { chainId, registry, blockTime } = event;
  return { id, chainId, registry, blockTime, fields: completeFields(event) };
}

/** Unix seconds, rounded down: all the precision that a block's time has. */
export const wholeSeconds = (moment: Date) => Math.floor(moment.getTime() / 1000);
