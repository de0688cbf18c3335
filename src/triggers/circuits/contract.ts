import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { dataOf, timestamp } from '../../http/shapes.ts';
import { byChild, READ, WRITE } from '../rules/paths.ts';

export const circuit = z
  .object({
    state: z.enum(['closed', 'open', 'half_open', 'broken']).meta({
      description:
        'open: deliveries wait until retry_at; half_open: one is on its way to find out; broken: the receiver takes none of them, until the action is changed or the circuit reset',
    }),
    failures: z.int().meta({ description: 'Failures of the receiver since its last success' }),
    opened_at: timestamp.nullable(),
    retry_at: timestamp.nullable(),
    reason: z.string().nullable(),
  })
  .meta({ id: 'Circuit' });

const PATH = '/api/v1/triggers/{trigger_id}/actions/{id}/circuit';

export const getCircuit = operation({
  id: 'getActionCircuit',
  method: 'get',
  path: PATH,
  tag: 'Actions',
  summary: 'Get the circuit of an action',
  description: 'Whether its deliveries go out, judged by what became of the last ones.',
  security: READ,
  cost: 1,
  params: byChild,
  success: { status: 200, description: 'The circuit', schema: dataOf(circuit) },
});

export const resetCircuit = operation({
  id: 'resetActionCircuit',
  method: 'post',
  path: `${PATH}/reset`,
  tag: 'Actions',
  summary: 'Close the circuit of an action',
  description: 'What waited for it goes out at once. What failed while the action was broken can be replayed.',
  security: WRITE,
  cost: 1,
  params: byChild,
  success: { status: 200, description: 'The circuit as it is now', schema: dataOf(circuit) },
});

export const operations = [getCircuit, resetCircuit];
