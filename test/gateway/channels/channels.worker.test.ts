import { evictDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { call, expectOk, type Person, signUp } from '../../support/api.ts';
import { opened, openSocket } from '../../support/sockets.ts';

let person: Person;
let stranger: Person;
let key: string;

async function newKey(of: Person, fields: object = {}): Promise<{ id: string; key: string }> {
  const path = `/api/v1/api-keys?organization_id=${of.personalOrganizationId}`;
  const body = { name: 'Key', environment: 'live', key_type: 'standard', permissions: ['read', 'write'], ...fields };
  const made = await expectOk<{ data: { id: string; key: string } }>(
    201,
    call('POST', path, { token: of.token, body }),
  );
  return made.data;
}

/** A socket that has been welcomed. */
async function enter(clientId: string, headers: Record<string, string>) {
  const socket = await opened(`/ws/${clientId}`, headers);
  expect(await socket.nextJson()).toMatchObject({ type: 'welcome', client_id: clientId });
  return socket;
}

const withKey = (text: string) => ({ 'X-API-Key': text });

/** A channel of one's own. */
const newChannel = () => `c-${crypto.randomUUID()}`;

async function subscribed(clientId: string, channel: string, fields: object = {}, text = key) {
  const socket = await enter(clientId, withKey(text));
  socket.sendJson({ type: 'subscribe', channel, id: 1, ...fields });
  expect(await socket.nextJson()).toEqual({ type: 'ack', id: 1, action: 'subscribe', channel });
  return socket;
}

beforeAll(async () => {
  [person, stranger] = await Promise.all([signUp(), signUp()]);
  ({ key } = await newKey(person));
});

describe('a socket of /ws/{client_id}', () => {
  it('hears what another one publishes to a channel, and nothing after it has left it', async () => {
    const channel = newChannel();
    const hearer = await subscribed('hearer', channel);
    const speaker = await enter('speaker', withKey(key));
    speaker.sendJson({ type: 'publish', channel, data: { n: [1, null] }, id: 'a' });
    const ack = await speaker.nextJson();
    expect(ack).toMatchObject({ type: 'ack', id: 'a', action: 'publish', channel, recipients: 1 });
    expect(await hearer.nextJson()).toEqual({
      ...{ type: 'message', message_id: ack['message_id'], channel, data: { n: [1, null] }, from: 'speaker' },
      sent_at: expect.any(String),
    });
    hearer.sendJson({ type: 'unsubscribe', channel });
    expect(await hearer.nextJson()).toEqual({ type: 'ack', action: 'unsubscribe', channel });
    speaker.sendJson({ type: 'publish', channel, data: 2 });
    expect(await speaker.nextJson()).toMatchObject({ recipients: 0 });
    hearer.close();
    speaker.close();
  });

  it('keeps its subscriptions while its object sleeps', async () => {
    const channel = newChannel();
    const hearer = await subscribed('sleeper', channel);
    await evictDurableObject(env.CHANNEL_HUB.getByName(`${person.personalOrganizationId}:live`));
    const path = `/api/v1/channels/${channel}/messages`;
    const answer = await call('POST', path, { headers: withKey(key), body: { data: 'awake' } });
    expect(answer.body).toMatchObject({ data: { channel, recipients: 1 } });
    expect(await hearer.nextJson()).toMatchObject({ type: 'message', data: 'awake', from: null });
    hearer.sendJson({ type: 'presence', channel, id: 7 });
    expect(await hearer.nextJson()).toEqual({ type: 'presence', id: 7, channel, count: 1, client_ids: ['sleeper'] });
    hearer.close();
  });

  it('is told who comes and goes if it wants to know', async () => {
    const channel = newChannel();
    const watcher = await subscribed('watcher', channel, { presence: true });
    const visitor = await subscribed('visitor', channel);
    expect(await watcher.nextJson()).toEqual({ type: 'presence', channel, event: 'join', client_id: 'visitor' });
    visitor.close(1000, '');
    expect(await watcher.nextJson()).toEqual({ type: 'presence', channel, event: 'leave', client_id: 'visitor' });
    watcher.close();
  });

  it('takes the place of an older one of the same credential, and of no other', async () => {
    const older = await enter('twin', withKey(key));
    const other = await newKey(person);
    const refused = await openSocket('/ws/twin', withKey(other.key));
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({ error: 'conflict' });
    const newer = await enter('twin', withKey(key));
    expect(await older.closed).toEqual({ code: 4001, reason: 'Replaced by a newer connection' });
    newer.sendJson({ type: 'ping', id: 1 });
    expect(await newer.nextJson()).toEqual({ type: 'pong', id: 1 });
    newer.close();
  });

  it('is told what was wrong with what it said', async () => {
    const socket = await enter('clumsy', withKey(key));
    socket.send('{');
    expect(await socket.nextJson()).toEqual({
      type: 'error',
      error: 'bad_message',
      message: 'The message is not valid JSON',
    });
    socket.sendJson({ type: 'subscribe', channel: 'No Such', id: 3 });
    expect(await socket.nextJson()).toMatchObject({ type: 'error', id: 3, error: 'bad_message' });
    socket.send('{"type":"ping"}');
    expect(await socket.nextJson()).toEqual({ type: 'pong' });
    socket.send(new Uint8Array([1]).buffer);
    expect(await socket.closed).toEqual({ code: 1003, reason: 'Only texts' });
  });

  it('ends with 1009 at a message of more than 64 KiB', async () => {
    const socket = await enter('talker', withKey(key));
    socket.send('x'.repeat(64 * 1024 + 1));
    expect(await socket.closed).toEqual({ code: 1009, reason: 'The message is too large' });
  });

  it('has no more than 40 messages dealt with at once', async () => {
    const socket = await enter('hasty', withKey(key));
    for (let n = 0; n < 60; n += 1) socket.sendJson({ type: 'ping', id: n });
    const answers = [];
    for (let n = 0; n < 60; n += 1) answers.push((await socket.nextJson())['type']);
    const refused = answers.filter((type) => type === 'error').length;
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThanOrEqual(20);
    socket.close();
  });

  it('needs a key that may write to publish, and hears nothing with one that is revoked', async () => {
    const channel = newChannel();
    const reader = await newKey(person, { permissions: ['read'] });
    const hearer = await subscribed('reader', channel, {}, reader.key);
    hearer.sendJson({ type: 'publish', channel, data: 1, id: 2 });
    expect(await hearer.nextJson()).toMatchObject({ type: 'error', id: 2, error: 'forbidden' });
    const gone = await call('DELETE', `/api/v1/api-keys/${reader.id}`, { token: person.token });
    expect(gone.status).toBeLessThan(300);
    // What the object knew of the key it has forgotten.
    await evictDurableObject(env.CHANNEL_HUB.getByName(`${person.personalOrganizationId}:live`));
    const path = `/api/v1/channels/${channel}/messages`;
    const answer = await call('POST', path, { headers: withKey(key), body: { data: 'secret' } });
    expect(answer.body).toMatchObject({ data: { recipients: 0 } });
    expect(await hearer.closed).toEqual({ code: 1008, reason: 'The credential is no longer good' });
  });

  it('hears nothing of another organization, or of test keys', async () => {
    const channel = newChannel();
    const hearer = await subscribed('apart', channel);
    const theirs = await newKey(stranger);
    const test = await newKey(person, { environment: 'test' });
    for (const text of [theirs.key, test.key]) {
      const answer = await call('POST', `/api/v1/channels/${channel}/messages`, {
        headers: withKey(text),
        body: { data: 1 },
      });
      expect(answer.body).toMatchObject({ data: { recipients: 0 } });
    }
    hearer.close();
  });

  it('is opened with a ticket, once, which is never answered', async () => {
    const made = await expectOk<{ data: { protocols: string[] } }>(
      201,
      call('POST', '/api/v1/ws/tickets', { token: person.token }),
    );
    const protocols = { 'Sec-WebSocket-Protocol': made.data.protocols.join(', ') };
    const socket = await enter('browser', protocols);
    expect(socket.headers.get('Sec-WebSocket-Protocol')).toBe('weir.v1');
    expect((await openSocket('/ws/browser', protocols)).status).toBe(401);
    const channel = newChannel();
    socket.sendJson({ type: 'publish', channel, data: 1 });
    expect(await socket.nextJson()).toMatchObject({ type: 'ack', recipients: 0 });
    socket.close();
  });

  it('is refused without a credential, with one in the query, and without an Upgrade', async () => {
    expect((await openSocket('/ws/someone')).status).toBe(401);
    expect((await openSocket(`/ws/someone?api_key=${key}`)).status).toBe(401);
    expect((await openSocket('/ws/some%20one', withKey(key))).status).toBe(400);
    const plain = await call('GET', '/ws/someone', { headers: withKey(key) });
    expect(plain).toMatchObject({ status: 426, body: { error: 'upgrade_required' } });
    const path = `/ws/someone?organization_id=${person.personalOrganizationId}`;
    expect((await openSocket(path, { Authorization: `Bearer ${stranger.token}` })).status).toBe(404);
  });
});

describe('the other entries', () => {
  it('are /ws/auth, which makes up a client id, and /ws, which tells how things are and nothing else', async () => {
    const own = await opened('/ws/auth', { Authorization: `Bearer ${person.token}` });
    expect((await own.nextJson())['client_id']).toMatch(/^client_[0-9a-f]{32}$/);
    const anyone = await opened('/ws', { 'CF-Connecting-IP': '203.0.113.9' });
    await anyone.nextJson();
    anyone.sendJson({ type: 'status', id: 1 });
    expect(await anyone.nextJson()).toEqual({ type: 'status', id: 1, status: 'ok', connections: 1 });
    anyone.sendJson({ type: 'subscribe', channel: 'a', id: 2 });
    expect(await anyone.nextJson()).toMatchObject({ type: 'error', id: 2, error: 'forbidden' });
    const status = await call('GET', '/ws/status', { token: person.token });
    expect(status.body).toMatchObject({
      ...{ status: 'ok', public: { connections: 1 } },
      organization: { connections: expect.any(Number), channels: expect.any(Number) },
    });
    expect((await call('GET', '/ws/status')).body).toMatchObject({ organization: null });
    own.close();
    anyone.close();
  });
});
