import { type Api, openApi } from '../../../scripts/demo/api.ts';
import type { Receivers } from './receivers.ts';

/** A feedback that was sent to the chain; its score is its place in the order of sending. */
export interface Sent {
  transaction: string;
  agentId: number;
  score: number;
}

interface Definition {
  name: string;
  condition: { field: string; operator: string; value: string; condition_type?: string; config?: object };
  /** One action each. */
  receivers: readonly string[];
  /** What it fires on; a trigger that remembers is compared with the run that nobody kills. */
  firesOn?: (sent: Sent) => boolean;
}

export const REFUSING = 'refusing';
export const COUNTING = 'counting';
export const AGENTS = 5;

export const TRIGGERS: readonly Definition[] = [
  {
    name: 'stateless',
    condition: { field: 'score', operator: '<', value: '150' },
    receivers: ['stateless'],
    firesOn: ({ score }) => score < 150,
  },
  {
    name: 'two actions',
    condition: { field: 'agent_id', operator: 'in', value: '1,2' },
    receivers: ['first', 'second'],
    firesOn: ({ agentId }) => agentId <= 2,
  },
  {
    name: REFUSING,
    condition: { field: 'score', operator: '>=', value: '20' },
    receivers: [REFUSING],
    firesOn: ({ score }) => score >= 20,
  },
  {
    name: COUNTING,
    // Its window is the chain's time, so it sees the same in both runs, whatever they take.
    condition: {
      condition_type: 'count',
      field: 'score',
      operator: 'gte',
      value: '3',
      config: { time_window: '30s', reset_on_trigger: true },
    },
    receivers: [COUNTING],
  },
];

export const RECEIVERS = TRIGGERS.flatMap(({ receivers }) => receivers);

export async function createTriggers(baseUrl: string, receivers: Receivers): Promise<void> {
  const account = { username: 'chaos', email: 'chaos@example.com', password: 'correct horse' };
  const { token } = await openApi(baseUrl).post<{ token: string }>('/api/v1/auth/register', account);
  const api = openApi(baseUrl, token);
  for (const definition of TRIGGERS) await createTrigger(api, definition, receivers);
}

async function createTrigger(api: Api, { name, condition, ...definition }: Definition, receivers: Receivers) {
  const { data } = await api.post<{ data: { id: string } }>('/api/v1/triggers', {
    name,
    chain_id: 31_337,
    registry: 'reputation',
    is_stateful: definition.firesOn === undefined,
  });
  await api.post(`/api/v1/triggers/${data.id}/conditions`, { condition_type: 'event', ...condition });
  for (const receiver of definition.receivers) {
    const config = { method: 'POST', url: receivers.urlOf(receiver), headers: { 'X-Receiver': receiver } };
    await api.post(`/api/v1/triggers/${data.id}/actions`, { action_type: 'rest', config });
  }
}
