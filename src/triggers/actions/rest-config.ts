import * as z from 'zod';
import { text } from '../../http/shapes.ts';
import { SECOND } from '../../kernel/clock.ts';
import { holdsStorable } from './config.ts';
import type { Json } from './json-template.ts';

const MAX_BODY = 64 * 1024;

/** RFC 9110 §5.6.2. */
const headerName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'must be a header name (RFC 9110)');

const headerValue = z
  .string()
  .max(1024, 'must have at most 1024 characters')
  .regex(/^[\t\x20-\x7e]*$/, 'must hold only visible ASCII characters, spaces and tabs');

const jsonBody: z.ZodType<Json> = z
  .json()
  .refine((body) => body !== null && typeof body === 'object', 'must be a text, an object or a list')
  .refine((body) => JSON.stringify(body).length <= MAX_BODY, `must have at most ${MAX_BODY} characters as JSON`)
  .refine(holdsStorable, 'must hold only well-formed Unicode without NUL');

export const restConfig = z.strictObject({
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
  url: text(1, 2048),
  headers: z
    .record(headerName, headerValue)
    .refine((headers) => Object.keys(headers).length <= 50, 'must have at most 50 headers')
    .optional(),
  body: z.union([text(0, MAX_BODY), jsonBody], 'must be a text, an object or a list').optional(),
  timeout_ms: z
    .int()
    .min(1 * SECOND)
    .max(30 * SECOND)
    .optional(),
  expected_status: z.array(z.int().min(100).max(599)).min(1).max(100).optional(),
});

export type RestConfig = z.output<typeof restConfig>;
