import { eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { later, MINUTE } from '../../../src/kernel/clock.ts';
import { CLOSED } from '../../../src/triggers/circuits/circuit.ts';
import { actionCircuits } from '../../../src/triggers/circuits/table.ts';
import { call, expectOk, newAction, newTrigger, type Person, signUp } from '../../support/api.ts';
import { database } from '../../support/database.ts';

const OPENED = new Date('2026-03-02T00:00:00Z');
const SHUT = { state: 'closed', failures: 0, opened_at: null, retry_at: null, reason: null };

async function actionWithCircuit(circuit: Partial<typeof actionCircuits.$inferInsert>) {
  const person = await signUp();
  const triggerId = await newTrigger(person);
  const config = { chat_id: '7', message_template: 'hello' };
  const { id } = await newAction(person, triggerId, config, { action_type: 'telegram' });
  const organizationId = person.personalOrganizationId;
  await database()
    .query.insert(actionCircuits)
    .values({ ...CLOSED, actionId: id, organizationId, ...circuit });
  return { person, triggerId, id, path: `/api/v1/triggers/${triggerId}/actions/${id}` };
}

const open = { state: 'open' as const, failures: 10, openedAt: OPENED, retryAt: later(OPENED, MINUTE), reason: 'down' };
const broken = { state: 'broken' as const, openedAt: OPENED, reason: 'chat not found' };

const get = (person: Person, path: string) => call('GET', path, { token: person.token });

describe('the circuit of an action', () => {
  it('is closed where nothing has failed', async () => {
    const person = await signUp();
    const triggerId = await newTrigger(person);
    const { id } = await newAction(person, triggerId, { method: 'POST', url: 'https://example.com/' });
    const answer = await get(person, `/api/v1/triggers/${triggerId}/actions/${id}/circuit`);
    expect(answer).toMatchObject({ status: 200, body: { data: SHUT } });
  });

  it('is shown by itself and with the action', async () => {
    const { person, triggerId, path } = await actionWithCircuit(open);
    const shown = {
      state: 'open',
      failures: 10,
      opened_at: '2026-03-02T00:00:00Z',
      retry_at: '2026-03-02T00:01:00Z',
      reason: 'down',
    };
    expect((await get(person, `${path}/circuit`)).body).toEqual({ data: shown });
    expect((await get(person, `/api/v1/triggers/${triggerId}/actions`)).body).toMatchObject({
      data: [{ circuit: shown }],
    });
  });

  it('is closed by a reset, which leaves its trace', async () => {
    const { person, id, path } = await actionWithCircuit(broken);
    const reset = await call('POST', `${path}/circuit/reset`, { token: person.token });
    expect(reset).toMatchObject({ status: 200, body: { data: SHUT } });
    expect((await get(person, `${path}/circuit`)).body).toEqual({ data: SHUT });
    const trail = await expectOk<{ data: { action: string; target: object; before: object }[] }>(
      200,
      get(person, '/api/v1/audit-logs'),
    );
    expect(trail.data.find(({ action }) => action === 'action.circuit_reset')).toMatchObject({
      target: { type: 'action', id: String(id) },
      before: { state: 'broken', reason: 'chat not found' },
    });
  });

  it('is closed by a change of the action', async () => {
    const { person, id, path } = await actionWithCircuit(broken);
    const body = { config: { chat_id: '8', message_template: 'hello' } };
    await expectOk(200, call('PUT', path, { token: person.token, body }));
    expect(await database().query.$count(actionCircuits, eq(actionCircuits.actionId, id))).toBe(0);
  });

  it('is not found for an action of another trigger', async () => {
    const { person, id } = await actionWithCircuit(open);
    const other = await newTrigger(person);
    for (const [method, suffix] of [
      ['GET', ''],
      ['POST', '/reset'],
    ] as const) {
      const answer = await call(method, `/api/v1/triggers/${other}/actions/${id}/circuit${suffix}`, {
        token: person.token,
      });
      expect(answer).toMatchObject({ status: 404, body: { error: 'not_found', message: 'Action not found' } });
    }
  });
});
