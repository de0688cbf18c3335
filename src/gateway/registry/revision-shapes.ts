import * as z from 'zod';

export const change = z
  .object({
    op: z.enum(['add', 'remove', 'replace', 'reorder']),
    path: z.string().meta({ description: 'JSON pointer; members of lists by their id, name or address' }),
    before: z.unknown().optional(),
    after: z.unknown().optional(),
  })
  .meta({ id: 'ApiChange' });

export const revisionNumber = z.int().min(1).max(2_147_483_647);
export const revisionText = z.coerce.number().int().min(1).max(2_147_483_647);
