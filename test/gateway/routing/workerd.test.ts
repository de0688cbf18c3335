import { readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../../scripts/stack/ports.ts';
import { type Child, run, startChild } from '../../../scripts/stack/process.ts';
import { makeTemporaryFolder } from '../../../scripts/stack/throw-away.ts';

/**
 * What arrives in a Worker when the bytes on the wire are these: a client library would have tidied them up first, so
 * they go through a socket. routing/path.ts stands on `request.url` being what was received.
 */
const ofWrangler = createRequire(createRequire(import.meta.url).resolve('wrangler/package.json'));

let dir: string;
let port: number;
let runtime: Child;

beforeAll(async () => {
  [dir, port] = [await makeTemporaryFolder('routing'), await freePort()];
  const entry = fileURLToPath(new URL('./target-worker.ts', import.meta.url).href);
  await run({
    name: 'esbuild',
    command: ofWrangler.resolve('esbuild/bin/esbuild'),
    args: [entry, `--outfile=${join(dir, 'worker.js')}`, '--bundle', '--format=esm', '--log-level=warning'],
  });
  const date = /^compatibility_date = (".+")$/m.exec(await readFile('wrangler.toml', 'utf8'))?.[1];
  const config = join(dir, 'config.capnp');
  await writeFile(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "worker.js", esModule = embed "worker.js")], compatibilityDate = ${date}
  ))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`,
  );
  runtime = await startChild({
    name: 'workerd',
    command: ofWrangler.resolve('workerd/bin/workerd'),
    args: ['serve', config],
  });
  const end = Date.now() + 30_000;
  while (!(await send('/', 'gw.test').catch(() => ''))) {
    if (Date.now() > end) throw new Error('workerd did not answer in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

afterAll(async () => {
  await runtime.stop('SIGKILL', 5_000);
  await rm(dir, { recursive: true, force: true });
});

function send(target: string, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      answer += text;
    });
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
    socket.write(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  });
}

/** What the Worker read, the fault it found, or the status with which the runtime refused. */
async function readBy(target: string, host = 'GW.test:8443'): Promise<unknown> {
  const answer = await send(target, host);
  const status = answer.slice(9, 12);
  return status === '200' ? JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) : status;
}

describe('a request on the wire', () => {
  it.each([
    ['/g/acme/../../api/v1/keys', 'dots'],
    ['/g/acme/%2e%2e/other', 'dots'],
    ['/g/acme/.%2E/other', 'dots'],
    ['/g/acme/./shop', 'dots'],
    ['/g/acme/..;/other', 'dots'],
    ['/g/acme\\..\\other', 'slash'],
    ['/g/acme/..%2fother', 'slash'],
    ['/g/acme/..%5cother', 'slash'],
    ['//evil.test/x', 'empty'],
    ['/g//acme', 'empty'],
    ['/g/acme;x=1/shop', 'parameters'],
    ['/g/acme/%00', 'control'],
    ['/g/acme/%zz', 'encoding'],
    ['/g/acme/%c0%ae%c0%ae/', 'encoding'],
    ['*', 'host'],
    ['/a b', '400'],
    ['/a\tb', '400'],
    ['/a\u0001b', '400'],
  ])('for %j is refused (%s), before any parser has followed its path.', async (target, refusal) => {
    expect(await readBy(target)).toBe(refusal);
  });

  it.each([
    ['/g/%61cme/a%7c|b', ['g', 'acme', 'a||b'], '/g/acme/a%7C%7Cb', ''],
    ['/café/?q=%zz&r=../é', ['café'], '/caf%C3%A9/', '?q=%zz&r=../é'],
    ['/a#/../b', ['a'], '/a', ''],
    ['http://other.test/a?b', ['a'], '/a', '?b'],
  ])('for %s is read as it was sent.', async (target, segments, canonical, search) => {
    expect(await readBy(target)).toMatchObject({ target: { host: 'gw.test', search }, path: { segments, canonical } });
  });

  it('whose host is none is refused; a path in its host is a path for everybody.', async () => {
    expect(await readBy('/a', 'gw.test\\evil')).toBe('host');
    expect(await readBy('/a', 'me@gw.test')).toBe('host');
    expect(await readBy('/a', 'gw test')).toBe('host');
    expect(await readBy('/../a', 'gw.test/g')).toBe('dots');
    expect(await readBy('/a', 'gw.test/g')).toMatchObject({ target: { host: 'gw.test', path: '/g/a' } });
  });
});
