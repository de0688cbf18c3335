import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { OPERATIONS } from '../../src/operations.ts';
import { call, newAction, newCondition, newTrigger, type Person, signUp } from '../support/api.ts';
import { rowCounts } from '../support/database.ts';
import { type Schema, wrongValues } from './wrong-values.ts';

/**
 * Every field of every body of the contract, wrong in every way its schema tells of. The cases come from the contract
 * itself: an operation with a body that has no sample here fails the suite.
 */
const SAMPLES: Record<string, object> = {
  register: { username: 'someone', email: 'someone@example.com', password: 'long enough' },
  login: { username_or_email: 'someone', password: 'long enough' },
  refreshToken: { refresh_token: 'rt_x' },
  createOrganization: { name: 'A', slug: 'a', description: 'd' },
  createTrigger: {
    ...{ name: 'T', description: 'd', chain_id: 1, registry: 'identity', enabled: true },
    ...{ is_stateful: false, match_all: false, confirmations: 0 },
  },
  updateTrigger: { name: 'T' },
  createCondition: {
    condition_type: 'event',
    field: 'event_type',
    operator: 'equals',
    value: 'Registered',
    config: {},
  },
  updateCondition: { value: 'Registered' },
  createAction: { action_type: 'rest', priority: 1, config: { method: 'POST', url: 'https://example.com/' } },
  updateAction: { priority: 2 },
};

interface Refusal {
  error: string;
  details: { path: string; message: string }[];
}

const withBody = OPERATIONS.filter((op) => op.body !== undefined);

let person: Person;
let ids: Record<string, string | number>;

beforeAll(async () => {
  person = await signUp();
  const trigger = await newTrigger(person);
  const condition = await newCondition(person, trigger);
  const action = await newAction(person, trigger, { method: 'POST', url: 'https://example.com/' });
  ids = { trigger, condition, action: action.id };
});

const pathOf = (path: string) =>
  path
    .replace('{trigger_id}', String(ids['trigger']))
    .replace('conditions/{id}', `conditions/${ids['condition']}`)
    .replace('actions/{id}', `actions/${ids['action']}`)
    .replace('{id}', String(ids['trigger']));

describe.each(withBody.map((op) => [op.id, op] as const))('the body of %s', (id, op) => {
  const sample = SAMPLES[id];
  const schema = z.toJSONSchema(op.body ?? z.never(), { io: 'input', unrepresentable: 'any' }) as Schema;
  const send = (body: unknown) => call(op.method.toUpperCase(), pathOf(op.path), { token: person.token, body });

  it('has a sample here', () => {
    expect(sample).toBeDefined();
  });

  it.each(Object.entries(schema.properties ?? {}))(
    'is refused when %s is wrong, and nothing is written',
    async (field, shape) => {
      const before = await rowCounts();
      for (const value of wrongValues(shape)) {
        const { status, body } = await send({ ...sample, [field]: value });
        expect({ value, status, body }).toMatchObject({ status: 400, body: { error: 'validation_failed' } });
        const paths = (body as Refusal).details.map(({ path }) => path.split('.')[0]);
        expect(paths).toContain(field);
      }
      expect(await rowCounts()).toEqual(before);
    },
  );

  it.each(schema.required ?? [])('is refused without %s', async (field) => {
    const { [field as never]: _, ...rest } = sample ?? {};
    const { status, body } = await send(rest);
    expect(status).toBe(400);
    expect((body as Refusal).details).toContainEqual({ path: field, message: expect.any(String) });
  });

  it('is refused with a field that it does not have', async () => {
    for (const field of ['id', 'created_at', 'role', '__proto__x', 'organizationId']) {
      const { status, body } = await send({ ...sample, [field]: 'x' });
      expect(status).toBe(400);
      expect((body as Refusal).details).toContainEqual({ path: field, message: 'Unknown field' });
    }
  });

  it('is refused when it is no object or no JSON', async () => {
    for (const body of ['[]', '"text"', 'null', '7', '', '{', '{"a":}', '\u0000']) {
      const { status, body: answer } = await send(body);
      expect({ body, status, answer }).toMatchObject({
        status: 400,
        answer: { error: /validation_failed|bad_request/ },
      });
    }
  });

  it('is refused over 1 MB, announced or streamed', async () => {
    const big = JSON.stringify({ ...sample, padding: 'x'.repeat(1_100_000) });
    const announced = await send(big);
    expect(announced).toMatchObject({ status: 413, body: { error: 'payload_too_large' } });
    const streamed = await send(new Blob([big]).stream());
    expect(streamed).toMatchObject({ status: 413, body: { error: 'payload_too_large' } });
  });
});
