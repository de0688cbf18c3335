/** What other features may use of the quota. */
export { recordEvent } from './usage/store.ts';
