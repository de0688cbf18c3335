import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import type { OutboundRequest, OutboundResult } from '../../../src/outbound/guarded-fetch.ts';
import { eventPayload } from '../../../src/triggers/actions/event-payload.ts';
import type { ActionDelivery } from '../../../src/triggers/actions/kind.ts';
import { ACTION_KINDS, validateActionConfig } from '../../../src/triggers/actions/kinds.ts';
import { delivery, eventRow, hostileText, rules, SIGNING_SECRET, senderDeps } from './fixtures.ts';

const REST = { method: 'POST', url: 'https://hooks.example.com/x' };

/** Sends through a receiver that answers as told; what it was sent comes back with the result. */
async function send(extra: Partial<ActionDelivery> = {}, answer: Partial<OutboundResult> & { status?: number } = {}) {
  const requests: OutboundRequest[] = [];
  const result = await ACTION_KINDS.rest.send(
    delivery(extra),
    senderDeps({
      outbound: async (request) => {
        requests.push(request);
        return {
          kind: 'response',
          status: 200,
          headers: new Headers(),
          excerpt: '',
          durationMs: 1,
          ...answer,
        } as OutboundResult;
      },
    }),
  );
  return { result, requests, request: requests[0] };
}

const configured = (config: Record<string, unknown>, fields: Record<string, string> = {}) => {
  const check = validateActionConfig('rest', { ...REST, ...config }, rules());
  if (!check.ok) throw new Error(JSON.stringify(check.details));
  return { config: check.config, event: eventRow(fields) };
};

describe('the request of a REST action', () => {
  it('sends the event, signed, and says what it is', async () => {
    const { request } = await send();
    const fire = delivery();
    expect(request).toMatchObject({ url: REST.url, method: 'POST', timeoutMs: 10_000 });
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'Weir/1.2.3',
      'webhook-id': fire.id,
      'weir-trigger-id': fire.trigger.id,
      'weir-delivery-kind': 'fire',
      'weir-attempt': '1',
    });
    expect(request?.headers).not.toHaveProperty('weir-retracts');
    const verified = new Webhook(SIGNING_SECRET).verify(request?.body ?? '', { ...request?.headers });
    expect(verified).toEqual(eventPayload(fire.event));
  });

  it.each(['GET', 'DELETE'])('sends no body of its own accord for %s, but signs', async (method) => {
    const { request } = await send({ config: { ...REST, method } });
    expect(request).not.toHaveProperty('body');
    expect(request?.headers).not.toHaveProperty('content-type');
    expect(
      new Webhook(SIGNING_SECRET).sign(
        request?.headers['webhook-id'] ?? '',
        new Date(Number(request?.headers['webhook-timestamp']) * 1000),
        '',
      ),
    ).toBe(request?.headers['webhook-signature']);
  });

  it('keeps its id over attempts and counts them', async () => {
    const ids = await Promise.all([1, 2, 3].map(async (attempt) => (await send({ attempt })).request?.headers));
    expect(new Set(ids.map((headers) => headers?.['webhook-id'])).size).toBe(1);
    expect(ids.map((headers) => headers?.['weir-attempt'])).toEqual(['1', '2', '3']);
  });

  it('fills in the URL, the headers and the body', async () => {
    const { request } = await send(
      configured(
        {
          url: 'https://hooks.example.com/agents/{{agent_id}}?tag={{tag1}}',
          headers: { 'X-Tag': 'tag {{tag1}}', 'Content-Type': 'application/vnd.x+json' },
          body: '{"id": {{agent_id}}, "tag": "{{tag1}}", "gone": {{tag2}}}',
          timeout_ms: 2_000,
        },
        { tag1: 'a "b"/c' },
      ),
    );
    expect(request).toMatchObject({ url: 'https://hooks.example.com/agents/42?tag=a%20%22b%22%2Fc', timeoutMs: 2_000 });
    expect(request?.headers).toMatchObject({ 'x-tag': 'tag a "b"/c', 'content-type': 'application/vnd.x+json' });
    expect(JSON.parse(request?.body ?? '')).toEqual({ id: 42, tag: 'a "b"/c', gone: null });
  });

  it('fills in the strings of a JSON body, and nothing else of it', async () => {
    const { request } = await send(
      configured({ body: { id: '{{agent_id}}', '{{tag1}}': [1, null, { t: '<{{tag1}}>' }] } }, { tag1: '"}' }),
    );
    expect(JSON.parse(request?.body ?? '')).toEqual({ id: '42', '{{tag1}}': [1, null, { t: '<"}>' }] });
    expect(request?.headers['content-type']).toBe('application/json');
  });

  it.each([
    ['text {{tag1}}', undefined, `text a&b "c"`, 'text/plain; charset=utf-8'],
    ['<p>{{tag1}}</p>', 'text/html', '<p>a&amp;b &quot;c&quot;</p>', 'text/html'],
    [
      't={{tag1}}&x=1',
      'application/x-www-form-urlencoded',
      't=a%26b%20%22c%22&x=1',
      'application/x-www-form-urlencoded',
    ],
  ])('escapes %j for its content type', async (body, contentType, expected, sent) => {
    const headers = contentType === undefined ? {} : { headers: { 'content-type': contentType } };
    const { request } = await send(configured({ body, ...headers }, { tag1: 'a&b "c"' }));
    expect([request?.body, request?.headers['content-type']]).toEqual([expected, sent]);
  });

  it.each([
    ['application/x-ndjson', '{"t":"{{tag1}}"}\n{"t":1}', '{"t":"a\\n{\\"t\\":2}\\t\u2028, \\"b\\": x"}\n{"t":1}'],
    ['application/jsonlines; charset=utf-8', '"{{tag1}}"', '"a\\n{\\"t\\":2}\\t\u2028, \\"b\\": x"'],
    [
      'Application/GraphQL',
      'mutation { a(t: "{{tag1}}") }',
      'mutation { a(t: "a\\n{\\"t\\":2}\\t\u2028, \\"b\\": x") }',
    ],
    ['application/yaml', 't: {{tag1}}\nend: 1', 't: a{"t":2}, "b": x\nend: 1'],
    ['text/csv', '{{tag1}}\r\nend', 'a{"t":2}, "b": x\r\nend'],
    ['text/plain', '{{tag1}}', 'a\n{"t":2}\t\u2028, "b": x'],
  ])('lets no value begin a record of its own in %s', async (contentType, body, expected) => {
    const { request } = await send(
      configured({ body, headers: { 'content-type': contentType } }, { tag1: 'a\n{"t":2}\t\u2028, "b": x' }),
    );
    expect([request?.body, request?.headers['content-type']]).toEqual([expected, contentType]);
  });

  it('keeps its structure whatever the chain says', async () => {
    const config = {
      url: 'https://hooks.example.com/a/{{tag1}}/b/{{tag2}}{{tag1}}?q={{tag2}}&end=1',
      headers: { 'X-Tag': '{{tag1}}' },
      body: '{"in": "<{{tag1}}>", "out": {{tag2}}, "end": [1]}',
    };
    await fc.assert(
      fc.asyncProperty(hostileText, hostileText, async (tag1, tag2) => {
        const { request, result } = await send(configured(config, { tag1, tag2 }));
        if (!request) throw new Error(result.error);
        const url = new URL(request.url);
        expect(url.origin).toBe('https://hooks.example.com');
        expect(url.pathname.split('/')).toHaveLength(5);
        expect([url.pathname.split('/')[1], url.pathname.split('/')[3]]).toEqual(['a', 'b']);
        expect([...url.searchParams]).toEqual([
          ['q', tag2.toWellFormed()],
          ['end', '1'],
        ]);
        expect(url.hash).toBe('');
        expect(JSON.parse(request.body ?? '')).toEqual({
          in: `<${tag1.toWellFormed()}>`,
          out: tag2.toWellFormed(),
          end: [1],
        });
        expect(Object.keys(request.headers).sort()).toEqual(
          [
            'content-type',
            'user-agent',
            'webhook-id',
            'webhook-signature',
            'webhook-timestamp',
            'weir-attempt',
            'weir-delivery-kind',
            'weir-trigger-id',
            'x-tag',
          ].sort(),
        );
        expect(() => new Request(request.url, { method: 'POST', headers: request.headers })).not.toThrow();
      }),
    );
  });

  it('is not sent when it would be too large', async () => {
    const { result, requests } = await send(configured({ body: '{{tag1}}'.repeat(100) }, { tag1: 'x'.repeat(10_000) }));
    expect(requests).toEqual([]);
    expect(result).toEqual({
      outcome: 'permanent',
      error: 'The request of this event would be too large: more than 262144 characters',
    });
  });

  it('is not sent for a stored config that this release does not know', async () => {
    const { result, requests } = await send({ config: { method: 'BREW' } });
    expect([result.outcome, requests]).toEqual(['permanent', []]);
  });
});

describe('the retraction of a REST action', () => {
  const retraction = { kind: 'retraction' as const, retracts: '0192f0c1-0000-7000-8000-0000000000ff' };

  it('is a fixed notice to the same address, whatever body the action has', async () => {
    const { request } = await send({
      ...retraction,
      ...configured({ body: 'Agent {{agent_id}}', headers: { 'X-A': 'b' } }),
    });
    expect(request?.url).toBe(REST.url);
    expect(JSON.parse(request?.body ?? '')).toEqual({
      type: 'retraction',
      retracts: retraction.retracts,
      event: eventPayload(eventRow()),
    });
    expect(request?.headers).toMatchObject({
      'weir-delivery-kind': 'retraction',
      'weir-retracts': retraction.retracts,
      'x-a': 'b',
    });
  });

  it('is told by its headers where the method has no body', async () => {
    const { request } = await send({ ...retraction, config: { ...REST, method: 'GET' } });
    expect(request).not.toHaveProperty('body');
    expect(request?.headers).toMatchObject({
      'weir-delivery-kind': 'retraction',
      'weir-retracts': retraction.retracts,
    });
  });
});

describe('the answer to a REST action', () => {
  it.each([200, 204, 299])('of %d is a delivery', async (status) => {
    expect((await send({}, { status })).result).toMatchObject({ outcome: 'delivered', response: { status } });
  });

  it.each([199, 300, 302, 404, 500])('of %d is none', async (status) => {
    expect((await send({}, { status })).result).toMatchObject({ outcome: 'retryable' });
  });

  it('is measured by the expected statuses alone where there are some', async () => {
    const config = { ...REST, expected_status: [202, 404] };
    expect((await send({ config }, { status: 404 })).result.outcome).toBe('delivered');
    expect((await send({ config }, { status: 200 })).result.outcome).toBe('retryable');
  });
});
