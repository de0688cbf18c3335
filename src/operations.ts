import type { Operation } from './http/operation.ts';
import { operations as organizations } from './identity/organizations/contract.ts';
import { operations as users } from './identity/users/contract.ts';
import { operations as health } from './observability/health/contract.ts';
import { operations as discovery } from './portal/discovery/contract.ts';
import { operations as docs } from './portal/docs/contract.ts';
import { operations as deliveries } from './triggers/deliveries/contract.ts';
import { operations as events } from './triggers/events/contract.ts';
import { operations as rules } from './triggers/rules/contract.ts';

/** Every operation of the HTTP contract, in the order in which the reference shows them. */
export const OPERATIONS: readonly Operation[] = [
  ...users,
  ...organizations,
  ...rules,
  ...deliveries,
  ...events,
  ...health,
  ...discovery,
  ...docs,
];
