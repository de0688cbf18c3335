import * as z from 'zod';
import { line, uuid } from '../../http/shapes.ts';

/** What the operations on APIs and their parts have in common. */

export const READ = { kind: 'organization', permission: 'apis:read' } as const;
export const WRITE = { kind: 'organization', permission: 'apis:write' } as const;

export const SHARED = { tag: 'APIs', cost: 1 } as const;

const ID = { description: 'Id of the API, or its slug in the organization' };

const id = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/)
  .meta(ID);

export const byId = z.object({ id });

/** Of what may be made under it: a slug that is none is told so, rather than that there is nothing. */
export const byIdOrNewSlug = z.object({ id: z.string().meta(ID) });

export const organization_id = uuid
  .optional()
  .meta({ description: 'Default: the personal organization; for a key or wallet, its own' });

export const inOrganization = z.object({ organization_id });

const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

const dry_run = flag.optional().meta({ description: 'true: tells what would change, and changes nothing' });

export const trying = inOrganization.extend({ dry_run });

export const changing = inOrganization.extend({
  note: line(1, 200).optional().meta({ description: 'Why, for the list of revisions' }),
});

export const replacing = changing.extend({
  dry_run,
  revision: z.coerce
    .number()
    .int()
    .min(0)
    .max(2_147_483_647)
    .optional()
    .meta({ description: 'Only if this is its present revision, 0 if there is none yet; else 409' }),
});
