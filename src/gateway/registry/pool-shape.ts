import * as z from 'zod';
import { text } from '../../http/shapes.ts';
import { BALANCING_ALGORITHMS } from '../compiled.ts';
import { readPath } from '../routing/path.ts';
import { fieldName, identifier } from './policy-shape.ts';

/** Upstream pools as people write them. */

const milliseconds = (min: number, max: number) => z.int().min(min).max(max);
const rate = z.number().min(0.01).max(1);

const isPlainPath = (path: string) => typeof readPath(path.split('?', 1)[0] ?? '') !== 'string';

const upstream = z.strictObject({
  url: text(1, 512).meta({ format: 'uri', examples: ['https://api.example.com/v1'] }),
  weight: z.int().min(0).max(1_000).optional().meta({ description: '0: gets no calls, and stays what it is' }),
  backup: z.boolean().optional(),
});

const upstreams = z.array(upstream).min(1).max(50);

/** How a pool is used. At the API they hold for every pool that does not say otherwise. */
const poolFields = {
  balancing: z
    .strictObject({
      algorithm: z.enum(BALANCING_ALGORITHMS).optional(),
      hash_on: z.union([z.enum(['key', 'address']), z.strictObject({ header: fieldName })]).optional(),
    })
    .optional(),
  health_check: z
    .strictObject({
      path: z
        .string()
        .max(512)
        .regex(/^\/[!-~]*$/, 'must be a path of visible ASCII characters')
        .refine((path) => !path.includes('#'), 'must not have a fragment')
        // Calls are refused such paths: one with dot segments leads out of the registered base.
        .refine(isPlainPath, 'must not have dot segments, empty segments, path parameters, or slashes in disguise'),
      interval_ms: milliseconds(5_000, 3_600_000).optional(),
      timeout_ms: milliseconds(100, 30_000).optional(),
      expected_status: z.array(z.int().min(200).max(599)).min(1).max(20).optional(),
      healthy_after: z.int().min(1).max(20).optional(),
      unhealthy_after: z.int().min(1).max(20).optional(),
    })
    .nullable()
    .optional(),
  circuit_breaker: z
    .strictObject({
      window_ms: milliseconds(1_000, 300_000).optional(),
      minimum_calls: z.int().min(1).max(10_000).optional(),
      error_rate: rate.optional(),
      slow_call_ms: milliseconds(10, 120_000).optional(),
      slow_call_rate: rate.optional(),
      open_ms: milliseconds(1_000, 600_000).optional(),
      probes: z.int().min(1).max(100).optional(),
    })
    .optional(),
  ejection: z
    .strictObject({
      consecutive_failures: z.int().min(1).max(1_000).optional(),
      for_ms: milliseconds(1_000, 600_000).optional(),
      slow_start_ms: milliseconds(0, 600_000).optional(),
    })
    .optional(),
};

const pool = z.strictObject({ name: identifier, upstreams, ...poolFields });

export const poolShape = {
  upstreams: upstreams.optional().meta({ description: 'Of one pool that is called "default"; instead of `pools`' }),
  pools: z.array(pool).min(1).max(20).optional().meta({ description: 'The first one is the default' }),
  ...poolFields,
};

export type PoolDefinition = z.output<typeof pool>;

const poolsPart = z.object(poolShape);

export type PoolsDefinition = z.output<typeof poolsPart>;
