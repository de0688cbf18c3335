import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { openApi } from '../../../../scripts/demo/api.ts';
import { commandLineOf, processesOwnedBy } from '../../../../scripts/stack/orphans.ts';
import { interrupt, ownEnvironment, runScript } from '../../support/stack.ts';

/** The whole stack, with an owner of APIs whose quota no test uses up by accident. */
export interface Gateway {
  /** The entry's address, and its port: where callers come in. */
  url: string;
  port: number;
  dataDir: string;
  owner: Person;
  signUp(plan?: PlanOptions): Promise<Person>;
  /** Port of the runtime itself, without the entry before it. */
  runtimePort(): Promise<number>;
  /** What the runtime holds in memory, in bytes. */
  runtimeMemory(): Promise<number>;
  stop(): Promise<void>;
}

export interface Person {
  token: string;
  organizationId: string;
  /** Below which the organization's APIs are: `/g/<slug>`. */
  base: string;
  newApi(fields: object): Promise<Api>;
  newKey(fields?: object): Promise<Key>;
  ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>;
}

export interface Api {
  id: string;
  slug: string;
  /** By the organization's slug, and by credential. */
  path: string;
  keyedPath: string;
}

export interface Key {
  id: string;
  text: string;
}

interface Session {
  token: string;
  user: { id: string };
}

/** More than any test draws. */
const PLENTY = 1_000_000;

interface PlanOptions {
  units?: number;
  /** Off, a change of an API is in force without waiting for the leases before it to end. */
  leases?: 'on' | 'off';
}

export async function startGateway(variables: Record<string, string> = {}): Promise<Gateway> {
  const environment = await ownEnvironment();
  const own = { ...environment.variables, DEFAULT_PLAN: 'enterprise', ...variables };
  const stack = runScript('dev', own, ['--fresh']);
  await stack.line('ready in').catch(async (error: unknown) => {
    await environment.remove();
    throw error;
  });
  const port = environment.ports.PORT;
  const url = `http://127.0.0.1:${port}`;
  let people = 0;

  async function signUp({ units = PLENTY, leases = 'off' }: PlanOptions = {}): Promise<Person> {
    people += 1;
    const username = `caller${people}`;
    const account = { username, email: `${username}@example.com`, password: 'correct horse battery' };
    const { token, user } = await openApi(url).post<Session>('/api/v1/auth/register', account);
    const list = await openApi(url, token).get<{ data: { organization: { id: string } }[] }>('/api/v1/organizations');
    const organizationId = list.data[0]?.organization.id ?? '';
    const plan = runScript('plan', own, [organizationId, 'enterprise', '--units', String(units), '--leases', leases]);
    if ((await plan.exited) !== 0) throw new Error(plan.lines.join('\n'));
    return personOf(url, token, organizationId, `/g/personal-${user.id}`);
  }

  const runtimes = async () => {
    const pids = await processesOwnedBy(await realpath(environment.dataDir));
    const commands = await Promise.all(pids.map(async (pid) => ({ pid, command: await commandLineOf(pid) })));
    return commands.filter(({ command }) => command?.includes('workerd serve')).map(({ pid }) => pid);
  };

  return {
    ...{ url, port, dataDir: environment.dataDir, owner: await signUp(), signUp },
    runtimePort: async () => portOf(await runtimes()),
    runtimeMemory: async () => Math.max(...(await Promise.all((await runtimes()).map(memoryOf)))),
    async stop() {
      await interrupt(stack);
      await environment.remove();
    },
  };
}

function personOf(url: string, token: string, organizationId: string, base: string): Person {
  const api = openApi(url, token);
  let apis = 0;
  return {
    ...{ token, organizationId, base },
    async newApi(fields) {
      apis += 1;
      const body = { name: `API ${apis}`, slug: `api-${apis}`, retries: 0, ...fields };
      const { data } = await api.post<{ data: { id: string; slug: string } }>('/api/v1/apis', body);
      return { ...data, path: `${base}/${data.slug}`, keyedPath: `/api/v1/${data.slug}` };
    },
    async newKey(fields = {}) {
      const made = {
        name: 'Key',
        environment: 'live',
        key_type: 'standard',
        permissions: ['read', 'write'],
        ...fields,
      };
      const path = `/api/v1/api-keys?organization_id=${organizationId}`;
      const { data } = await api.post<{ data: { id: string; key: string } }>(path, made);
      return { id: data.id, text: data.key };
    },
    async ask(method, path, body) {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
    },
  };
}

async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

/** The port behind which the Worker answers by itself: of the runtime that was started last, behind wrangler's own. */
async function portOf(pids: readonly number[]): Promise<number> {
  const latestFirst = [...pids].sort((a, b) => b - a);
  const ports = (await Promise.all(latestFirst.map(listeningPorts))).flat();
  for (const port of ports) {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/health`, { signal: AbortSignal.timeout(2_000) }).catch(
      () => undefined,
    );
    await answer?.body?.cancel();
    if (answer?.status === 200) return port;
  }
  throw new Error('the runtime answers at none of its ports');
}

async function listeningPorts(pid: number): Promise<number[]> {
  const sockets = new Set<string>();
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined) sockets.add(inode);
  }
  const rows = (await readFile(`/proc/${pid}/net/tcp`, 'utf8')).split('\n').slice(1);
  return rows.flatMap((row) => {
    const [, local = '', , state, , , , , , inode = ''] = row.trim().split(/\s+/);
    const isListening = state === '0A' && sockets.has(inode);
    return isListening ? [Number.parseInt(local.split(':')[1] ?? '', 16)] : [];
  });
}
