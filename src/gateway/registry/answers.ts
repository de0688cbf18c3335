import * as z from 'zod';
import { timestamp } from '../../http/shapes.ts';
import { LIFECYCLES, VISIBILITIES } from '../compiled.ts';
import { apiDefinition } from './definition.ts';
import { change } from './revision-shapes.ts';

/** What operations on APIs answer with. */

export const summary = z
  .object({
    id: z.uuid(),
    organization_id: z.uuid(),
    slug: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    visibility: z.enum(VISIBILITIES),
    status: z.enum(LIFECYCLES).meta({
      description: 'By now, also by the dates of the definition: `retired` answers 410',
    }),
    revision: z.int(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'ApiSummary' });

const definition = apiDefinition.meta({ id: 'ApiDefinition' });

export const api = summary.extend({ definition }).meta({ id: 'Api' });

/** The definition alone, as it is taken back. */
export const definitionYaml = {
  schema: definition,
  of: (output: unknown) => z.object({ data: z.object({ definition: z.unknown() }) }).parse(output).data.definition,
};

export const warnings = z
  .array(z.object({ path: z.string(), message: z.string() }))
  .meta({ description: 'What was taken, and does not work yet: hosts of upstreams that have to be shown to be yours' });

/** Of an operation that creates or replaces. What would be made has no id and no times yet. */
export const putAnswer = z.object({
  data: api.extend({ id: z.uuid().nullable(), created_at: timestamp.nullable(), updated_at: timestamp.nullable() }),
  result: z.enum(['created', 'replaced', 'unchanged']),
  dry_run: z.boolean(),
  changes: z.array(change),
  warnings,
});
