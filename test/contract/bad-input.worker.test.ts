import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { changePlan } from '../../src/identity/organizations/plan.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { OPERATIONS } from '../../src/operations.ts';
import { newKey } from '../identity/api-keys-fixture.ts';
import { call, expectOk, newAction, newCondition, newTrigger, type Person, signUp } from '../support/api.ts';
import { database, rowCounts } from '../support/database.ts';
import { type Schema, wrongValues } from './wrong-values.ts';

const WALLET = '0x1234567890abcdef1234567890abcdef12345678';
const SIGNATURE = `0x${'00'.repeat(65)}`;
const AGENT = {
  ...{ agent_id: 42, chain_id: 11_155_111 },
  ...{ organization_id: '550e8400-e29b-41d4-a716-446655440002', wallet_address: WALLET },
};

const API = { name: 'A', upstreams: [{ url: 'https://example.com/' }] };

const IMPORT = {
  document: { openapi: '3.1.0', info: { title: 'A' }, paths: { '/orders': { get: { operationId: 'orders' } } } },
  upstreams: API.upstreams,
};

const NEW_KEY = {
  ...{ name: 'K', environment: 'live', key_type: 'standard', permissions: ['read'], rate_limit_override: 5 },
  ...{ expires_at: null, ip_allowlist: ['10.0.0.0/8'], endpoints: ['/api/**'], methods: ['GET'] },
};

/**
 * Every field of every body of the contract, wrong in every way its schema tells of. The cases come from the contract
 * itself: an operation with a body that has no sample here fails the suite.
 */
const SAMPLES: Record<string, object> = {
  register: { username: 'someone', email: 'someone@example.com', password: 'long enough' },
  login: { username_or_email: 'someone', password: 'long enough' },
  refreshToken: { refresh_token: 'rt_x' },
  changePassword: { current_password: 'long enough', new_password: 'long enough too' },
  createOrganization: { name: 'A', slug: 'a', description: 'd' },
  updateOrganization: { name: 'A', description: null },
  transferOrganization: { new_owner_id: '550e8400-e29b-41d4-a716-446655440002' },
  addMember: { user_id: '550e8400-e29b-41d4-a716-446655440002', role: 'member' },
  updateMember: { role: 'admin' },
  challengeWallet: { wallet_address: WALLET, organization_id: '550e8400-e29b-41d4-a716-446655440002', chain_id: 1 },
  logInWallet: { wallet_address: WALLET, challenge: 'Nonce: 0123456789', signature: SIGNATURE },
  challengeAgent: AGENT,
  linkAgent: { ...AGENT, challenge: 'Nonce: 0123456789', signature: SIGNATURE },
  createApiKey: NEW_KEY,
  revokeApiKey: { reason: 'Compromised key' },
  rotateApiKey: { name: 'K', expires_at: null },
  createApiKeyShort: NEW_KEY,
  revokeApiKeyShort: { reason: 'Compromised key' },
  rotateApiKeyShort: { name: 'K', expires_at: null },
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
  createReplay: { from: '2026-03-02T00:00:00Z', to: '2026-03-02T01:00:00Z', status: 'failed', action_id: 1 },
  followAgent: {
    ...{ chain_id: 1, registries: ['identity'] },
    actions: [{ action_type: 'rest', config: { method: 'POST', url: 'https://example.com/' } }],
  },
  updateFollow: { enabled: true },
  testTrigger: { event: { event_type: 'Registered', agent_id: 7 }, event_id: 'evt_1' },
  backtestTrigger: {
    from_block: 0,
    to_block: 5,
    from: '2026-03-01T12:00:00Z',
    to: '2026-03-01T13:00:00Z',
    chain_id: 1,
  },
  streamBacktest: { from_block: 0, to_block: 5, from: '2026-03-01T12:00:00Z', to: '2026-03-01T13:00:00Z', chain_id: 1 },
  createRateLimit: {
    ...{ name: 'L', scope: 'endpoint', target: '/api/**', limit: 60, window: 'minute' },
    ...{ algorithm: 'token_bucket', burst: 5 },
  },
  updateRateLimit: { name: 'L', limit: 60 },
  createWebSocketTicket: { organization_id: crypto.randomUUID() },
  publishMessage: { data: { n: 1 } },
  importApi: { ...IMPORT, slug: 'sample', name: 'Sample', visibility: 'keyed' },
  importApiEndpoints: IMPORT,
  createApi: { ...API, slug: 'sample' },
  putApi: API,
  purgeApi: { all: true },
  createApiVersion: { name: 'v2', status: 'active' },
  updateApiVersion: { status: 'active' },
  createApiEndpoint: { path: '/sample' },
  updateApiEndpoint: { path: '/sample' },
  rollBackApi: { revision: 1 },
  createDomain: { host: 'api.sample.example', api: null, branding: { display_name: 'Sample' } },
  updateDomain: { branding: { primary_color: '#123456' } },
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
  // More than the suite sends: a notice that most of the hour's units are used would be a row that was written. It is
  // published with the key below.
  const plan = { plan: 'enterprise', unitsPerHour: 1_000_000, leases: false };
  await changePlan({ db: database(), clock: systemClock }, person.personalOrganizationId, plan);
  const trigger = await newTrigger(person);
  const condition = await newCondition(person, trigger);
  const key = await newKey(person);
  const action = await newAction(person, trigger, { method: 'POST', url: 'https://example.com/' });
  const body = { name: 'Limit', scope: 'organization', limit: 1_000_000, window: 'second' };
  const limit = await expectOk<{ data: { id: string } }>(
    201,
    call('POST', '/api/v1/rate-limits', { token: person.token, body }),
  );
  const parts = { slug: 'bad-input', versions: [{ name: 'v1' }], endpoints: [{ id: 'list', path: '/' }] };
  const api = await expectOk<{ data: { id: string } }>(
    201,
    call('POST', '/api/v1/apis', { token: person.token, body: { ...API, ...parts } }),
  );
  const domain = await expectOk<{ data: { id: string } }>(
    201,
    call('POST', '/api/v1/domains', { token: person.token, body: { host: 'api.bad-input.example' } }),
  );
  ids = {
    domain: domain.data.id,
    trigger,
    condition,
    key: key.id,
    action: action.id,
    limit: limit.data.id,
    api: api.data.id,
  };
});

const pathOf = (path: string) =>
  path
    .replace('organizations/{id}', `organizations/${person.personalOrganizationId}`)
    .replace('keys/{id}', `keys/${ids['key']}`)
    .replace('rate-limits/{id}', `rate-limits/${ids['limit']}`)
    .replace('apis/{id}', `apis/${ids['api']}`)
    .replace('domains/{id}', `domains/${ids['domain']}`)
    .replace('{name}', 'v1')
    .replace('{channel}', 'orders')
    .replace('{endpoint_id}', 'list')
    .replace('{user_id}', person.id)
    .replace('{agent_id}', '7')
    .replace('{trigger_id}', String(ids['trigger']))
    .replace('conditions/{id}', `conditions/${ids['condition']}`)
    .replace('actions/{id}', `actions/${ids['action']}`)
    .replace('{id}', String(ids['trigger']));

/** The body as JSON Schema. One with an id comes as a reference to itself under `$defs`. */
function schemaOf(body: z.ZodType): Schema {
  const root = z.toJSONSchema(body, { io: 'input', unrepresentable: 'any' });
  const id = root.$ref?.replace('#/$defs/', '');
  return (id === undefined ? root : root.$defs?.[id]) as Schema;
}

it('reads the fields of every body', () => {
  const fields = withBody.map((op) => Object.keys(schemaOf(op.body ?? z.never()).properties ?? {}));
  expect(fields).not.toContainEqual([]);
});

describe.each(withBody.map((op) => [op.id, op] as const))('the body of %s', (id, op) => {
  const sample = SAMPLES[id];
  const schema = schemaOf(op.body ?? z.never());
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
    const unknown = ['id', 'created_at', 'role', '__proto__x', 'organizationId'].filter(
      (field) => !(field in (schema.properties ?? {})),
    );
    for (const field of unknown) {
      const { status, body } = await send({ ...sample, [field]: 'x' });
      expect(status).toBe(400);
      expect((body as Refusal).details).toContainEqual({ path: field, message: 'Unknown field' });
    }
  });

  it('is refused when it is no object or no JSON', async () => {
    const empty = op.bodyOptional ? [] : [''];
    for (const body of ['[]', '"text"', 'null', '7', ...empty, '{', '{"a":}', '\u0000']) {
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
