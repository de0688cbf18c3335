import * as z from 'zod';
import { integerId, uuid } from '../../http/shapes.ts';

/** What the contracts of triggers, conditions and actions share: who may, and where. */
export const READ = { kind: 'organization', permission: 'triggers:read' } as const;
export const WRITE = { kind: 'organization', permission: 'triggers:write' } as const;

export const byId = z.object({ id: uuid });
export const byTrigger = z.object({ trigger_id: uuid });
export const byChild = z.object({ trigger_id: uuid, id: integerId });
