import type { DeliveryStatus } from '../../outbound/attempt.ts';

/** Statuses from which nothing follows by itself. */
export const SETTLED = ['delivered', 'failed', 'cancelled'] as const satisfies readonly DeliveryStatus[];

export type SettledStatus = (typeof SETTLED)[number];
