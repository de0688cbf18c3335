import { HOUR, later, MINUTE, SECOND } from '../../kernel/clock.ts';

/**
 * `closed`: deliveries go out; `open`: they wait until `retryAt`; `half_open`: one is on its way to find out; `broken`:
 * the receiver has said that it takes none of this action, until the action is changed or the circuit is reset.
 */
export type CircuitState = 'closed' | 'open' | 'half_open' | 'broken';

/** What an action's deliveries have come to lately. */
export interface Circuit {
  readonly state: CircuitState;
  /** Failures of the receiver since its last success. */
  readonly failures: number;
  /** The last outcomes, oldest first: `1` a failure, `0` a success. */
  readonly recent: string;
  /** How often it has opened since it was last closed. */
  readonly openings: number;
  readonly openedAt: Date | null;
  /** When the next attempt may be made; while one is on its way, when it counts as lost. */
  readonly retryAt: Date | null;
  /** The delivery that is on its way to find out. */
  readonly probe: string | null;
  /** Why it is not closed. */
  readonly reason: string | null;
}

/** What it is like for an action of which nothing is known. */
export const CLOSED: Circuit = {
  state: 'closed',
  failures: 0,
  recent: '',
  openings: 0,
  openedAt: null,
  retryAt: null,
  probe: null,
  reason: null,
};

/** Whether it has nothing to tell. */
export const isBlank = ({ state, recent }: Circuit) => state === 'closed' && !recent.includes('1');

/**
 * What an attempt says about the receiver. `nothing`: the failure was not the receiver's, or it asked for patience (429).
 */
export type AttemptVerdict =
  | { kind: 'success' }
  | { kind: 'failure'; error: string }
  | { kind: 'nothing'; retryAfterMs?: number | undefined }
  | { kind: 'broken'; error: string };

/** Opens after so many failures in a row… */
const MAX_FAILURES = 10;

/** …or when so many of the last attempts failed, among which some succeeded. */
const WINDOW = 50;
const MAX_FAILURES_IN_WINDOW = 40;

const FIRST_WAIT_MS = 1 * MINUTE;
const LONGEST_WAIT_MS = 1 * HOUR;

/** Longer than the attempt that finds out can take: after that its sender is lost, and another may go. */
export const PROBE_LEASE_MS = 60 * SECOND;

const waitOf = (openings: number) => Math.min(FIRST_WAIT_MS * 2 ** (openings - 1), LONGEST_WAIT_MS);

function open(circuit: Circuit, reason: string, now: Date, atLeastMs = 0): Circuit {
  const openings = Math.max(circuit.openings, 1);
  const retryAt = later(now, Math.max(waitOf(openings), atLeastMs));
  return { ...circuit, state: 'open', openings, openedAt: circuit.openedAt ?? now, retryAt, probe: null, reason };
}

function afterFailure(circuit: Circuit, error: string, now: Date): Circuit {
  const recent = `${circuit.recent}1`.slice(-WINDOW);
  const counted = { ...circuit, failures: circuit.failures + 1, recent };
  const inWindow = recent.replaceAll('0', '').length;
  if (counted.failures >= MAX_FAILURES)
    return open(counted, `${counted.failures} attempts in a row failed; the last one: ${error}`, now);
  if (inWindow >= MAX_FAILURES_IN_WINDOW)
    return open(counted, `${inWindow} of the last ${WINDOW} attempts failed; the last one: ${error}`, now);
  return counted;
}

function afterSuccess(circuit: Circuit): Circuit {
  const recent = `${circuit.recent}0`.slice(-WINDOW);
  return recent.includes('1') ? { ...circuit, failures: 0, recent } : CLOSED;
}

function afterProbe(circuit: Circuit, verdict: Exclude<AttemptVerdict, { kind: 'broken' }>, now: Date): Circuit {
  if (verdict.kind === 'success') return CLOSED;
  if (verdict.kind === 'nothing') return open(circuit, circuit.reason ?? '', now, verdict.retryAfterMs);
  const { failures, openings } = circuit;
  return open({ ...circuit, failures: failures + 1, openings: openings + 1 }, `Still failing: ${verdict.error}`, now);
}

/** The circuit after an attempt of this delivery. An attempt that began before it opened decides nothing any more. */
export function afterAttempt(circuit: Circuit, deliveryId: string, verdict: AttemptVerdict, now: Date): Circuit {
  if (verdict.kind === 'broken')
    return { ...circuit, state: 'broken', openedAt: now, retryAt: null, probe: null, reason: verdict.error };
  switch (circuit.state) {
    case 'broken':
      return circuit;
    case 'closed':
      if (verdict.kind === 'nothing') return circuit;
      return verdict.kind === 'success' ? afterSuccess(circuit) : afterFailure(circuit, verdict.error, now);
    case 'half_open':
    case 'open':
      if (circuit.state === 'half_open' && circuit.probe === deliveryId) return afterProbe(circuit, verdict, now);
      return verdict.kind === 'failure' ? { ...circuit, failures: circuit.failures + 1 } : circuit;
  }
}
