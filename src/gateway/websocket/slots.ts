import { type Clock, MINUTE } from '../../kernel/clock.ts';

/** The place of one open socket. */
interface Slot {
  /** The socket is still there. Has to be said more often than every two minutes. */
  touch(): void;
  free(): void;
}

export interface Slots {
  /** Nothing when `max` sockets of the API are open in this isolate. */
  take(apiId: string, max: number): Slot | undefined;
  open(apiId: string): number;
}

/** What has not been heard of for so long is gone: the platform may end a request without a word to its sockets. */
const FORGOTTEN_AFTER = 2 * MINUTE;

/** Counts the open sockets of each API in this isolate; APIs without any are not remembered. */
export function createSlots(clock: Clock): Slots {
  const taken = new Map<string, Map<symbol, number>>();

  function dropForgotten(slots: Map<symbol, number>): void {
    const oldest = clock().getTime() - FORGOTTEN_AFTER;
    for (const [slot, touchedAt] of slots) if (touchedAt < oldest) slots.delete(slot);
  }

  return {
    take(apiId, max) {
      const slots = taken.get(apiId) ?? new Map<symbol, number>();
      if (slots.size >= max) dropForgotten(slots);
      if (slots.size >= max) return undefined;
      const slot = Symbol();
      taken.set(apiId, slots.set(slot, clock().getTime()));
      return {
        touch: () => void (slots.has(slot) && slots.set(slot, clock().getTime())),
        free() {
          slots.delete(slot);
          if (slots.size === 0 && taken.get(apiId) === slots) taken.delete(apiId);
        },
      };
    },
    open: (apiId) => taken.get(apiId)?.size ?? 0,
  };
}
