import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireFreePorts } from '../../scripts/stack/ports.ts';
import { interrupt, ownEnvironment, type Run, runScript } from './support/stack.ts';

/** What a newcomer does: one command runs the product, a second shows it work. */
let environment: Awaited<ReturnType<typeof ownEnvironment>>;
let stack: Run;

const url = (path: string) => `http://127.0.0.1:${environment.ports.PORT}${path}`;

const portsAreFree = () =>
  requireFreePorts(Object.entries(environment.ports).map(([name, port]) => ({ part: name, variable: name, port })));

async function start(args: string[] = []) {
  stack = runScript('dev', environment.variables, args);
  await stack.line('ready in');
}

beforeAll(async () => {
  environment = await ownEnvironment();
  await start(['--fresh']);
});

afterAll(async () => {
  await interrupt(stack);
  await environment.remove();
});

describe('npm run dev, from a fresh data folder', () => {
  it('prints where everything is', () => {
    const output = stack.lines.join('\n');
    for (const port of Object.values(environment.ports)) expect(output).toContain(`:${port}`);
  });

  it('serves the Worker and says that all is well', async () => {
    const answer = await fetch(url('/api/v1/health'));
    expect(await answer.json()).toEqual({ status: 'healthy', database: 'connected', version: '0.1.0' });
  });

  it('shows the reference with everything it needs', async () => {
    for (const path of [
      '/docs',
      '/docs/swagger-ui.css',
      '/docs/swagger-ui-bundle.js',
      '/docs/start.js',
      '/openapi.json',
    ]) {
      expect((await fetch(url(path))).status).toBe(200);
    }
  });

  it('counts anonymous calls by the address they come from, whatever they say it is', async () => {
    const statuses: number[] = [];
    for (let call = 1; call <= 11; call++) {
      const headers = { 'CF-Connecting-IP': `203.0.113.${call}`, 'X-Forwarded-For': `203.0.113.${call}` };
      statuses.push((await fetch(url('/api/v1/events'), { headers })).status);
    }
    expect(statuses).toEqual([...Array(10).fill(200), 429]);
  });

  it('delivers exactly what the demo expects', async () => {
    const demo = runScript('demo', environment.variables);
    const code = await demo.exited;
    expect({ code, last: demo.lines.at(-1) }).toEqual({ code: 0, last: 'exactly the expected deliveries arrived' });
  });

  it('is refused a second time beside itself, with the reason, and leaves the first alone', async () => {
    const sameFolder = runScript('dev', environment.variables);
    expect(await sameFolder.exited).toBe(1);
    const other = await ownEnvironment();
    const samePorts = runScript('dev', { ...environment.variables, DATA_DIR: String(other.variables['DATA_DIR']) });
    expect(await samePorts.exited).toBe(1);
    await other.remove();
    const { PORT } = environment.ports;
    expect(samePorts.lines.join('\n')).toContain(`port ${PORT} (Worker) is taken: set PORT to another one`);
    expect((await fetch(url('/api/v1/health'))).status).toBe(200);
  });

  it('ends everything with one Ctrl-C, and knows the data again after a restart', async () => {
    const account = { username: 'someone', email: 'someone@example.com', password: 'correct horse' };
    const send = (path: string, body: object) =>
      fetch(url(path), { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
    expect((await send('/api/v1/auth/register', account)).status).toBe(201);
    await interrupt(stack);
    await portsAreFree();
    await start();
    const login = await send('/api/v1/auth/login', { username_or_email: 'someone', password: account.password });
    expect(login.status).toBe(200);
    const { token } = (await login.json()) as { token: string };
    const events = await fetch(url('/api/v1/events?chain_id=31337'), { headers: { Authorization: `Bearer ${token}` } });
    expect(await events.json()).toMatchObject({ pagination: { total: 3 } });
  });

  it('ends everything when only npm is told to end, as a process manager does it', async () => {
    if (stack.child.pid !== undefined) process.kill(stack.child.pid, 'SIGTERM');
    await stack.exited;
    await portsAreFree();
  });
});
