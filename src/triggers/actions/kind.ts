import type { Clock } from '../../kernel/clock.ts';
import type { ErrorDetail } from '../../kernel/errors.ts';
import type { AttemptResult } from '../../outbound/attempt.ts';
import type { OutboundPolicy } from '../../outbound/guard.ts';
import type { Outbound } from '../../outbound/guarded-fetch.ts';
import type { MatchKind } from '../matching/table.ts';
import type { EventRow } from './event-payload.ts';

/** The config of an action as it is stored and shown: the shape that its kind's schema accepted. */
export type ActionConfig = Record<string, unknown>;

/** One delivery of an action, with everything that a request is made of. */
export interface ActionDelivery {
  /** The same over all attempts. */
  id: string;
  /** Which attempt this is; the first is 1. */
  attempt: number;
  kind: MatchKind;
  /** For a retraction: the delivery that it takes back. */
  retracts: string | null;
  trigger: { id: string; name: string };
  event: EventRow;
  /** With its secrets in place. */
  config: ActionConfig;
  /** `whsec_…` */
  signingSecret: string;
}

export interface SenderDeps {
  outbound: Outbound;
  clock: Clock;
  /** The release, for the user agent. */
  version: string;
}

export type ConfigCheck = { ok: true; config: ActionConfig } | { ok: false; details: ErrorDetail[] };

/** What a kind of action has to say for itself; the code around it knows no kind by name. */
export interface ActionKind {
  /** Checks a config that is being written. Paths of details are relative to it: `url`, `headers.X-Name`. */
  validate(config: unknown, policy: OutboundPolicy): ConfigCheck;
  /** Where in a valid config its secrets are. */
  secretPaths(config: ActionConfig): string[][];
  /** Who is sent the secrets: where this changes, they have to be given again. */
  audience(config: ActionConfig): string;
  /** What deliveries in flight are counted by. */
  endpoint(config: ActionConfig): string;
  /** Makes one attempt, or says why this release cannot. Throws only for a defect of ours. */
  send(delivery: ActionDelivery, deps: SenderDeps): Promise<AttemptResult>;
}
