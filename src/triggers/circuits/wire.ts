import { rfc3339 } from '../../kernel/clock.ts';
import { type Circuit, CLOSED } from './circuit.ts';

/** A circuit as the public contract shows it. */
export const circuitToWire = ({ state, failures, openedAt, retryAt, reason }: Circuit = CLOSED) => ({
  state,
  failures,
  opened_at: openedAt && rfc3339(openedAt),
  retry_at: retryAt && rfc3339(retryAt),
  reason,
});
