import { exports } from 'cloudflare:workers';
import { expect } from 'vitest';

const ORIGIN = 'https://weir.test';

export interface Answer {
  status: number;
  headers: Headers;
  /** The parsed body; `undefined` when there is none. */
  body: unknown;
}

interface Call {
  token?: string | undefined;
  body?: unknown;
  headers?: Record<string, string>;
}

/** One request through the Worker's own entry. */
export async function call(method: string, path: string, { token, body, headers = {} }: Call = {}): Promise<Answer> {
  const raw = typeof body === 'string' || body instanceof ReadableStream;
  const request = new Request(`${ORIGIN}${path}`, {
    method,
    headers: {
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: raw ? (body as BodyInit) : JSON.stringify(body) }),
  });
  const response = await exports.default.fetch(request);
  const text = isEndless(path) ? await letGo(response) : await response.text();
  const json = (response.headers.get('Content-Type') ?? '').includes('json');
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : json ? JSON.parse(text) : text,
  };
}

/** The live view goes on for as long as somebody listens; what a call wants of it is that it was opened. */
const isEndless = (path: string) => path.startsWith('/api/v1/events/stream');

async function letGo(response: Response): Promise<string> {
  if (response.headers.get('Content-Type') !== 'text/event-stream') return response.text();
  await response.body?.cancel();
  return '';
}

/** The body of a call that must succeed. */
export async function expectOk<T>(status: number, answer: Promise<Answer>): Promise<T> {
  const { status: got, body } = await answer;
  expect({ status: got, body }).toMatchObject({ status });
  return body as T;
}

export interface Person {
  token: string;
  refreshToken: string;
  id: string;
  username: string;
  email: string;
  password: string;
  personalOrganizationId: string;
}

interface SessionBody {
  token: string;
  refresh_token: string;
  user: { id: string };
}

let people = 0;

/** Someone new, with an organization of their own. */
export async function signUp(): Promise<Person> {
  people += 1;
  const name = `p${people}-${crypto.randomUUID().slice(0, 8)}`;
  const account = { username: name, email: `${name}@example.com`, password: 'correct horse battery' };
  const session = await expectOk<SessionBody>(201, call('POST', '/api/v1/auth/register', { body: account }));
  const list = await expectOk<{ data: { organization: { id: string } }[] }>(
    200,
    call('GET', '/api/v1/organizations', { token: session.token }),
  );
  const personal = list.data[0]?.organization.id ?? '';
  return {
    ...account,
    token: session.token,
    refreshToken: session.refresh_token,
    id: session.user.id,
    personalOrganizationId: personal,
  };
}

interface WithId<T> {
  data: { id: T };
}

/** A trigger of the person's personal organization. */
export async function newTrigger(person: Person, fields: object = {}): Promise<string> {
  const body = { name: 'Mints', chain_id: 31337, registry: 'identity', ...fields };
  const made = await expectOk<WithId<string>>(201, call('POST', '/api/v1/triggers', { token: person.token, body }));
  return made.data.id;
}

export const MINTED = { condition_type: 'event', field: 'event_type', operator: 'equals', value: 'AgentMinted' };

export async function newCondition(person: Person, triggerId: string, fields: object = {}): Promise<number> {
  const path = `/api/v1/triggers/${triggerId}/conditions`;
  const made = await expectOk<WithId<number>>(
    201,
    call('POST', path, { token: person.token, body: { ...MINTED, ...fields } }),
  );
  return made.data.id;
}

export async function newAction(person: Person, triggerId: string, config: object, fields: object = {}) {
  const path = `/api/v1/triggers/${triggerId}/actions`;
  const body = { action_type: 'rest', config, ...fields };
  const made = await expectOk<{ data: { id: number; signing_secret: string } }>(
    201,
    call('POST', path, { token: person.token, body }),
  );
  return made.data;
}
