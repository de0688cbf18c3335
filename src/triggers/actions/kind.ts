import type { Clock } from '../../kernel/clock.ts';
import type { ErrorDetail } from '../../kernel/errors.ts';
import type { AttemptResult } from '../../outbound/attempt.ts';
import type { OutboundPolicy } from '../../outbound/guard.ts';
import type { GuardedFetch, Outbound } from '../../outbound/guarded-fetch.ts';
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
  /** What the trigger's stateful conditions had to show when it fired, by name (`ema`, `count`); empty where there are none. */
  state: Readonly<Record<string, string | number | null>>;
  /** With its secrets in place. */
  config: ActionConfig;
  /** `whsec_…` */
  signingSecret: string;
}

/** The Bot API as the deployment is set up to use it. */
interface TelegramApi {
  /** Without a slash at its end. */
  url: string;
  /** The deployment's own bot, for actions that name none. */
  token: string | undefined;
  /** Reaches the API's host, and no other. */
  outbound: Outbound;
}

export interface SenderDeps {
  outbound: Outbound;
  /** For protocols of more than one request: the same guard, and the answer as it comes. */
  guardedFetch: GuardedFetch;
  telegram: TelegramApi;
  clock: Clock;
  /** The release, for the user agent. */
  version: string;
}

/** What an attempt came to, with what it says about the action beyond this delivery. */
export interface ActionResult extends AttemptResult {
  /** Why no delivery of this action will be accepted until somebody changes something; see the action's circuit. */
  broken?: string;
  /** Something that all organizations share has to wait: a delivery is put off, which is none of its attempts. */
  isPutOff?: true;
  /** The receiver has moved: what the config says from now on, and what it has to say still for that to be right. */
  moved?: { field: string; from: string; to: string };
}

/** What the deployment says about the configs of actions. */
export interface ConfigRules {
  outboundPolicy: OutboundPolicy;
  /** Whether there is a bot for Telegram actions that name none. */
  hasBotToken: boolean;
}

export type ConfigCheck = { ok: true; config: ActionConfig } | { ok: false; details: ErrorDetail[] };

export type Preview = { ok: true; rendered: Readonly<Record<string, unknown>> } | { ok: false; reason: string };

/** In the place of a secret that is shown. */
export const MASK = '********';

/** Why a stored config gives nothing to send. */
export const UNSENDABLE = 'The configuration of the action is not one that this release can send';

/** What a kind of action has to say for itself; the code around it knows no kind by name. */
export interface ActionKind {
  /** Checks a config that is being written. Paths of details are relative to it: `url`, `headers.X-Name`. */
  validate(config: unknown, rules: ConfigRules): ConfigCheck;
  /** Where in a valid config its secrets are. */
  secretPaths(config: ActionConfig): string[][];
  /** Who is sent the secrets: where this changes, they have to be given again. */
  audience(config: ActionConfig): string;
  /** What deliveries in flight are counted by. */
  endpoint(config: ActionConfig): string;
  /** The longest that an attempt may take, in milliseconds; with its secrets or without, the config says the same. */
  longestMs(config: ActionConfig): number;
  /** What an attempt would send, with its secrets masked, or why there would be none. Sends nothing. */
  preview(delivery: ActionDelivery, deps: Pick<SenderDeps, 'clock' | 'version'>): Promise<Preview>;
  /** Makes one attempt, or says why this release cannot. Throws only for a defect of ours. */
  send(delivery: ActionDelivery, deps: SenderDeps): Promise<ActionResult>;
}
