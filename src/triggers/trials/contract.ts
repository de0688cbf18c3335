import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { dataOf, instant, int32, text, timestamp } from '../../http/shapes.ts';
import { event } from '../events/contract.ts';
import { byId, READ } from '../rules/paths.ts';

const block = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

const values = z.record(z.string(), z.union([z.string(), z.number(), z.null()]));

const trial = z
  .object({
    fires: z.boolean().meta({ description: 'Whether the trigger would fire on this event now' }),
    reason: z.string().nullable().meta({ description: 'Why not, where no condition says it' }),
    conditions: z.array(
      z.object({
        id: int32,
        condition_type: z.string(),
        holds: z
          .boolean()
          .nullable()
          .meta({ description: 'null: not asked, since one that remembers sees only what passes the others' }),
        values: values.meta({ description: 'What a condition that remembers would remember, for templates' }),
      }),
    ),
    event,
    actions: z.array(
      z.object({
        id: int32,
        action_type: z.string(),
        rendered: z
          .record(z.string(), z.unknown())
          .nullable()
          .meta({ description: 'What would be sent; secrets are shown as ********' }),
        error: z.string().nullable().meta({ description: 'Why nothing could be sent' }),
      }),
    ),
  })
  .meta({ id: 'Trial' });

export const testTrigger = operation({
  id: 'testTrigger',
  method: 'post',
  path: '/api/v1/triggers/{id}/test',
  tag: 'Triggers',
  summary: 'Try a trigger on an event',
  description:
    'Says of a recorded event, or of one that is made up of the fields given, whether each condition holds, whether the trigger would fire, and what each action would send. Sends nothing and remembers nothing. Conditions that remember are asked with what they remember now.',
  security: READ,
  cost: 1,
  withoutEffect: true,
  params: byId,
  body: z
    .object({
      event: z
        .record(z.string(), z.union([z.string(), z.number(), z.null()]))
        .optional()
        .meta({
          description: 'Fields of an event by their names; what is left out is filled in',
          examples: [{ event_type: 'NewFeedback', agent_id: 42, score: '35', tag1: 'starred' }],
        }),
      event_id: text(1, 100).optional(),
    })
    .meta({ id: 'TestTriggerRequest' }),
  success: { status: 200, description: 'What would happen', schema: dataOf(trial) },
});

const pastFire = z.object({
  at: timestamp.meta({ description: 'When: the time of its block, or when something was due after it' }),
  event_id: z.string(),
  event_type: z.string(),
  chain_id: z.int(),
  block_number: z.int(),
  agent_id: z.string().nullable(),
  values,
});

const range = z
  .object({
    from_block: block.optional(),
    to_block: block.optional(),
    from: instant.optional(),
    to: instant.optional(),
    chain_id: z.int().min(1).optional().meta({ description: 'Which chain, for a trigger of all chains' }),
  })
  .meta({ id: 'BacktestRequest' });

const summary = z.object({
  events: z.int().meta({ description: 'Events of the registry in the range' }),
  fires: z.int(),
  first_at: timestamp.nullable(),
  last_at: timestamp.nullable(),
});

const DESCRIPTION =
  'Runs the trigger, as it is now, over past events of its chain and registry with the evaluator that runs over new ones: from a block or a moment to another, both included (to the last one where none is given). What its conditions remember begins empty. Nothing is sent.';

const shared = {
  tag: 'Triggers',
  security: READ,
  cost: 5,
  withoutEffect: true,
  params: byId,
  body: range,
} as const;

export const backtestTrigger = operation({
  ...shared,
  id: 'backtestTrigger',
  method: 'post',
  path: '/api/v1/triggers/{id}/backtest',
  summary: 'Back-test a trigger',
  description: `${DESCRIPTION} At most 100,000 events; longer ranges are for the stream. The first 1,000 fires are listed. A trigger that would remember or search too much over the range is refused with 400.`,
  success: {
    status: 200,
    description: 'How often and when it would have fired',
    schema: dataOf(summary.extend({ items: z.array(pastFire), truncated: z.boolean() })),
  },
});

export const streamBacktest = operation({
  ...shared,
  id: 'streamBacktest',
  method: 'post',
  path: '/api/v1/triggers/{id}/backtest/stream',
  summary: 'Back-test a trigger, with progress',
  description: `${DESCRIPTION} At most 1,000,000 events. Every fire is told as it is found, beside progress, and at last a summary, or why there is none: the trigger would remember or search too much over the range.`,
  success: {
    status: 200,
    description: 'Messages of type progress and fire, and at last one of type result or stopped',
    messages: z.union([
      z.object({ type: z.literal('progress'), events: z.int(), block_number: z.int().nullable() }),
      pastFire.extend({ type: z.literal('fire') }),
      summary.extend({ type: z.literal('result') }),
      z.object({ type: z.literal('stopped'), reason: z.string() }),
    ]),
  },
});

export const operations = [testTrigger, backtestTrigger, streamBacktest];
