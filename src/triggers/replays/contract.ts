import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { dataOf, instant, timestamp } from '../../http/shapes.ts';
import { SETTLED } from '../deliveries/settled.ts';
import { byId, READ, WRITE } from '../rules/paths.ts';

const wanted = z.enum([...SETTLED, 'all']);

const replay = z
  .object({
    id: z.uuid(),
    organization_id: z.uuid(),
    trigger_id: z.uuid(),
    status: z.enum(['running', 'completed', 'cancelled']),
    from: timestamp,
    to: timestamp,
    delivery_status: wanted,
    action_id: z.int().nullable(),
    total: z.int().meta({ description: 'Deliveries in the range when the replay was asked for' }),
    done: z.int().meta({ description: 'How many of them have been looked at' }),
    sent: z.int().meta({
      description: 'How many of those are sent again; not those retried or taken back by a reorganization meanwhile',
    }),
    created_at: timestamp,
    completed_at: timestamp.nullable(),
  })
  .meta({ id: 'Replay' });

export const createReplay = operation({
  id: 'createReplay',
  method: 'post',
  path: '/api/v1/triggers/{id}/deliveries/replay',
  tag: 'Deliveries',
  summary: 'Send the deliveries of a time range again',
  description:
    'A job does it, oldest first, behind whatever is new; `GET /api/v1/replays/{id}` tells how far it has come. The range begins at most 14 days ago and holds at most 10,000 deliveries that have ended. One job of a trigger and five of an organization run at a time.',
  security: WRITE,
  cost: 1,
  params: byId,
  body: z
    .object({
      from: instant.meta({ description: 'Deliveries made at or after this moment; RFC 3339' }),
      to: instant.meta({ description: 'and at or before this one; RFC 3339' }),
      status: wanted.default('failed'),
      action_id: z.int().min(1).max(2_147_483_647).optional(),
    })
    .meta({ id: 'CreateReplayRequest' }),
  success: { status: 202, description: 'The job, which goes on by itself', schema: dataOf(replay) },
  errors: ['bad_request', 'conflict'],
});

export const getReplay = operation({
  id: 'getReplay',
  method: 'get',
  path: '/api/v1/replays/{id}',
  tag: 'Deliveries',
  summary: 'See how far a replay has come',
  security: READ,
  cost: 1,
  params: byId,
  success: { status: 200, description: 'The job', schema: dataOf(replay) },
});

export const cancelReplay = operation({
  id: 'cancelReplay',
  method: 'delete',
  path: '/api/v1/replays/{id}',
  tag: 'Deliveries',
  summary: 'Cancel a replay',
  description: 'What it has sent again already is not called back. 409 when it has completed.',
  security: WRITE,
  cost: 1,
  params: byId,
  success: { status: 200, description: 'The job as it is now', schema: dataOf(replay) },
  errors: ['conflict'],
});

export const operations = [createReplay, getReplay, cancelReplay];
