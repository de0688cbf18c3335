/** What other features may use of the quota. */

export type { Ask } from './isolate/decide.ts';
export { endpointTarget } from './limits/match.ts';
export type { Asker, Drawer } from './protocol.ts';
export { recordEvent } from './usage/store.ts';
export { type Refused, refusalError, type Verdict } from './verdict.ts';
