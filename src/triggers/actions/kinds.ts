import type { ActionConfig, ActionKind, ConfigCheck, ConfigRules } from './kind.ts';
import { mcp } from './mcp.ts';
import { rest } from './rest.ts';
import { telegram } from './telegram.ts';

export const ACTION_TYPES = ['telegram', 'rest', 'mcp'] as const;

export type ActionType = (typeof ACTION_TYPES)[number];

/** Every kind of action there is; adding one means adding a row. */
export const ACTION_KINDS: Readonly<Record<ActionType, ActionKind>> = { telegram, rest, mcp };

/**
 * Checks the config of an action that is being written: its shape, its templates, and whether requests may be sent to
 * its address. Unknown fields are faults. The config that comes back is the one to store (after `splitSecrets`).
 */
export const validateActionConfig = (type: ActionType, config: unknown, rules: ConfigRules): ConfigCheck =>
  ACTION_KINDS[type].validate(config, rules);

/**
 * The `endpoint` of a delivery: organization and destination, so that one organization's backlog at a receiver holds up
 * neither its other receivers nor the same receiver for others.
 */
export const deliveryEndpoint = (organizationId: string, type: ActionType, config: ActionConfig): string =>
  `${organizationId} ${ACTION_KINDS[type].endpoint(config)}`;
