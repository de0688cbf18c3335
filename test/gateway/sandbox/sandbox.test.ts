import { describe, expect, it } from 'vitest';
import type { MockAnswer } from '../../../src/gateway/compiled.ts';
import { readPreferences } from '../../../src/gateway/sandbox/prefer.ts';
import { mockAnswer } from '../../../src/gateway/sandbox/sandbox.ts';
import { AppError } from '../../../src/kernel/errors.ts';

const mock = (fields: Partial<MockAnswer>): MockAnswer => ({
  ...{ name: null, status: 200, contentType: 'application/json', example: undefined, schema: undefined },
  ...fields,
});

const ORDER = {
  type: 'object',
  properties: {
    id: { type: 'integer' },
    order_id: { type: 'string' },
    note: { type: 'string' },
    paid: { type: 'boolean' },
  },
};

interface Asked extends RequestInit {
  params?: [string, string][];
  mocks?: readonly MockAnswer[];
  timeoutMs?: number;
}

async function ask({ params = [], mocks = [], timeoutMs = 1_000, ...init }: Asked) {
  const waits: number[] = [];
  const deps = { wait: async (ms: number) => void waits.push(ms), random: () => 0.5 };
  const answer = mockAnswer(deps, {
    request: new Request('https://weir.test/g/acme/orders/1', init),
    ...{ policy: { mock: mocks, timeoutMs }, params: new Map(params), subject: 'api /orders/1' },
  });
  const outcome = await answer.catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error;
    return error;
  });
  return { outcome, waits };
}

async function answered(asked: Asked) {
  const { outcome } = await ask(asked);
  if (outcome instanceof AppError) throw outcome;
  const text = await outcome.text();
  return { status: outcome.status, headers: outcome.headers, text, json: () => JSON.parse(text) as unknown };
}

async function refused(asked: Asked) {
  const { outcome } = await ask(asked);
  expect(outcome).toBeInstanceOf(AppError);
  const { code, message } = outcome as AppError;
  return { code, message };
}

const prefer = (value: string) => ({ headers: { Prefer: value } });

describe('a call in the sandbox', () => {
  const good = mock({ example: { id: 1 } });
  const missing = mock({ status: 404, example: { error: 'none' }, name: 'gone' });
  const mocks = [missing, good, mock({ status: 201, contentType: 'text/csv', example: 'a,b' })];

  it('is answered with the first success, if nothing is preferred.', async () => {
    const answer = await answered({ mocks });
    expect({ status: answer.status, body: answer.json() }).toEqual({ status: 200, body: { id: 1 } });
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('is answered with the status and the example that are preferred, and is told so.', async () => {
    const byCode = await answered({ mocks, ...prefer('code=404') });
    expect([byCode.status, byCode.headers.get('preference-applied')]).toEqual([404, 'code=404']);
    const byName = await answered({ mocks, ...prefer('respond-async, example="gone"') });
    expect([byName.status, byName.json()]).toEqual([404, { error: 'none' }]);
  });

  it('is refused when it prefers what there is not.', async () => {
    expect(await refused({ mocks, ...prefer('code=500') })).toEqual({
      code: 'bad_request',
      message: 'There is no mock answer of status 500; there are 404, 200, 201',
    });
    expect(await refused({ mocks, ...prefer('example=x') })).toEqual({
      code: 'bad_request',
      message: 'There is no mock answer of the name "x"; there are gone',
    });
  });

  it('is refused with 501 where there are no mock answers.', async () => {
    expect(await refused({})).toMatchObject({ code: 'not_implemented' });
  });

  it('gets the type that it accepts most, and is refused where that is none.', async () => {
    const both = [good, mock({ contentType: 'application/xml', example: '<id>1</id>' })];
    const typed = async (accept: string) => (await answered({ mocks: both, headers: { Accept: accept } })).text;
    expect(await typed('application/xml')).toBe('<id>1</id>');
    expect(await typed('application/json;q=0.5, application/xml')).toBe('<id>1</id>');
    expect(await typed('application/xml;q=0.1, */*')).toBe('{"id":1}');
    expect(await typed('application/vnd.acme.v2+json')).toBe('{"id":1}');
    expect(await refused({ mocks: both, headers: { Accept: 'image/png' } })).toMatchObject({ code: 'not_acceptable' });
  });

  it('gets data of the schema where there is no example, the same for the same seed.', async () => {
    const made = [mock({ schema: ORDER })];
    const one = await answered({ mocks: made });
    expect(one.text).toBe((await answered({ mocks: made })).text);
    const seeded = async (seed: string) => (await answered({ mocks: made, headers: { 'X-Sandbox-Seed': seed } })).text;
    expect(await seeded('a')).toBe(await seeded('a'));
    expect(await seeded('a')).not.toBe(await seeded('b'));
  });

  it('gets other data than the example where it prefers them to be made, and is told their seed.', async () => {
    const made = [mock({ example: { id: 1 }, schema: ORDER })];
    const answer = await answered({ mocks: made, ...prefer('dynamic') });
    expect(Object.keys(answer.json() as object).sort()).toEqual(['id', 'note', 'order_id', 'paid']);
    const seed = answer.headers.get('x-sandbox-seed') ?? '';
    const again = await answered({ mocks: made, headers: { Prefer: 'dynamic=true', 'X-Sandbox-Seed': seed } });
    expect(again.text).toBe(answer.text);
  });

  it('finds its path parameters and the members of its body in the answer, where names and kinds fit.', async () => {
    const answer = await answered({
      ...{ mocks: [mock({ schema: ORDER })], method: 'PUT', params: [['order_id', '42']] },
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ note: 'hello', paid: 'yes', other: 1 }),
    });
    expect(answer.json()).toMatchObject({ id: 42, order_id: '42', note: 'hello' });
    expect(answer.json()).not.toHaveProperty('other');
    expect((answer.json() as { paid: unknown }).paid).toBeTypeOf('boolean');
  });

  it('gets an example that it names as it is written.', async () => {
    const named = [mock({ name: 'one', example: { id: 1 } })];
    const answer = await answered({ mocks: named, params: [['id', '42']], ...prefer('example=one') });
    expect(answer.json()).toEqual({ id: 1 });
    expect((await answered({ mocks: named, params: [['id', '42']] })).json()).toEqual({ id: 42 });
  });

  it('gets no body where there is none to get.', async () => {
    const empty = await answered({ mocks: [mock({ status: 204 })], headers: { Accept: 'text/html' } });
    expect([empty.status, empty.text, empty.headers.get('content-type')]).toEqual([204, '', null]);
    expect((await answered({ mocks, method: 'HEAD' })).text).toBe('');
  });
});

describe('what goes wrong in the sandbox because it was asked for', () => {
  const mocks = [mock({ example: {} })];
  const fault = (name: string) => ({ mocks, headers: { 'X-Sandbox-Fault': name } });

  it('takes as long as it is told.', async () => {
    const { waits } = await ask({ mocks, headers: { 'X-Sandbox-Latency': '250' } });
    expect(waits).toEqual([250]);
  });

  it('is a time-out after the time of the endpoint, and after no more than 30 seconds.', async () => {
    const short = await ask(fault('timeout'));
    expect([short.outcome, short.waits]).toMatchObject([{ code: 'gateway_timeout' }, [1_000]]);
    expect((await ask({ ...fault('timeout'), timeoutMs: 120_000 })).waits).toEqual([30_000]);
  });

  it('is an unavailable upstream, a broken body or a connection that breaks.', async () => {
    expect(await refused(fault('503'))).toMatchObject({ code: 'service_unavailable' });
    const malformed = await answered(fault('malformed'));
    expect(malformed.status).toBe(200);
    expect(() => malformed.json()).toThrow(SyntaxError);
    const { outcome } = await ask(fault('reset'));
    await expect((outcome as Response).text()).rejects.toThrow();
  });

  it.each([
    ['X-Sandbox-Latency', '30001', 'X-Sandbox-Latency must be 0 to 30000 milliseconds'],
    ['X-Sandbox-Latency', 'soon', 'X-Sandbox-Latency must be 0 to 30000 milliseconds'],
    ['X-Sandbox-Fault', 'fire', 'X-Sandbox-Fault must be one of timeout, reset, 503, malformed'],
    ['X-Sandbox-Seed', 'x'.repeat(101), 'X-Sandbox-Seed must have 1 to 100 characters'],
  ])('is refused for %s: %s.', async (name, value, message) => {
    expect(await refused({ mocks, headers: { [name]: value } })).toEqual({ code: 'bad_request', message });
  });
});

describe('a preference', () => {
  const read = (value: string) => readPreferences(new Headers({ Prefer: value }));

  it.each([
    ['code=404', { code: 404, example: null, dynamic: false }],
    ['Code="404"; a=b, example=first', { code: 404, example: 'first', dynamic: false }],
    ['example="two words", dynamic', { code: null, example: 'two words', dynamic: true }],
    ['dynamic=false, code=999999', { code: null, example: null, dynamic: false }],
    ['code=404, code=500', { code: 404, example: null, dynamic: false }],
    [',,=;"', { code: null, example: null, dynamic: false }],
  ])('is read from %s.', (value, expected) => {
    expect(read(value)).toEqual(expected);
  });
});
