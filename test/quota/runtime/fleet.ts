import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../../scripts/stack/ports.ts';
import { type Child, readyOrDead, run, startChild } from '../../../scripts/stack/process.ts';
import { makeTemporaryFolder } from '../../../scripts/stack/throw-away.ts';
import type { Charge } from '../../../src/access/admission.ts';
import type { EdgePlan } from '../../../src/access/edge.ts';
import type { PublishAnswer, UsageAnswer } from '../../../src/quota/protocol.ts';
import type { Batch, BatchAnswer } from './gateway-worker.ts';

/** The bundler and the runtime are those that wrangler brings: the ones that the product is built and run with. */
const ofWrangler = createRequire(createRequire(import.meta.url).resolve('wrangler/package.json'));

const READY_WITHIN_MS = 30_000;

/** Several gateways and one class of objects in one workerd, with the objects' SQLite on disk. */
export interface Fleet {
  gateways: number;
  /** Has one gateway decide requests, one after the other. */
  admit(gateway: number, organizationId: string, charges: Charge[]): Promise<BatchAnswer>;
  publish(organizationId: string, plan: EdgePlan): Promise<PublishAnswer>;
  usage(organizationId: string): Promise<UsageAnswer>;
  /** Any other word to the object of an organization. */
  tell<T>(path: string, organizationId: string, body?: unknown): Promise<T>;
  /** Kills the runtime as `kill -9` does, and starts it anew on the same disk. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

export async function startFleet(gateways: number): Promise<Fleet> {
  const dir = await makeTemporaryFolder('quota');
  await mkdir(join(dir, 'objects'));
  await Promise.all([
    bundle(new URL('./gateway-worker.ts', import.meta.url), join(dir, 'gateway.js')),
    bundle(new URL('./object-worker.ts', import.meta.url), join(dir, 'object.js')),
  ]);
  const ports: number[] = [];
  for (let n = 0; n <= gateways; n++) ports.push(await freePort());
  const config = join(dir, 'config.capnp');
  await writeFile(config, await configOf(dir, ports));
  let runtime = await startRuntime(config, ports);

  async function post<T>(service: number, path: string, body: unknown): Promise<T> {
    const url = `http://127.0.0.1:${ports[service]}${path}`;
    const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body ?? null) });
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T; // what the workers beside this file answer
  }
  const tell = <T>(path: string, organizationId: string, body?: unknown) =>
    post<T>(0, `${path}?organization=${organizationId}`, body);
  let version = 0;

  return {
    gateways,
    tell,
    admit: (gateway, organizationId, charges) =>
      post<BatchAnswer>(1 + gateway, '/', { organizationId, charges } satisfies Batch),
    publish: (organizationId, plan) =>
      tell('/publish', organizationId, {
        organizationId,
        version: ++version,
        deleted: false,
        plan,
        keys: [],
        limits: [],
      }),
    usage: (organizationId) => tell('/usage', organizationId),
    async crash() {
      await runtime.stop('SIGKILL', 5_000);
      runtime = await startRuntime(config, ports);
    },
    async stop() {
      await runtime.stop('SIGKILL', 5_000);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

const bundle = (entry: URL, outfile: string) =>
  run({
    name: 'esbuild',
    command: ofWrangler.resolve('esbuild/bin/esbuild'),
    args: [
      ...[fileURLToPath(entry.href), `--outfile=${outfile}`, '--bundle', '--format=esm', '--target=es2024'],
      ...['--conditions=workerd,worker,browser', '--external:cloudflare:*', '--external:node:*', '--log-level=warning'],
    ],
  });

async function startRuntime(config: string, ports: readonly number[]): Promise<Child> {
  const child = await startChild({
    name: 'workerd',
    command: ofWrangler.resolve('workerd/bin/workerd'),
    args: ['serve', '--experimental', config],
  });
  await readyOrDead('workerd', child, answering(ports));
  return child;
}

async function answering(ports: readonly number[]): Promise<void> {
  const end = Date.now() + READY_WITHIN_MS;
  for (const port of ports) {
    // What it answers to a question that makes no sense is of no interest.
    while (
      !(await fetch(`http://127.0.0.1:${port}/`).then(
        (r) => r.text(),
        () => undefined,
      ))
    ) {
      if (Date.now() > end) throw new Error('workerd did not answer in time');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** The objects at the first port, a gateway at each other one; each service is an isolate of its own. */
async function configOf(dir: string, [objectPort = 0, ...gatewayPorts]: readonly number[]): Promise<string> {
  const toml = await readFile('wrangler.toml', 'utf8');
  const date = /^compatibility_date = (".+")$/m.exec(toml)?.[1];
  const flags = /^compatibility_flags = \[([^\]]+)\]$/m.exec(toml)?.[1]?.match(/"[^"]+"/g);
  const binding = `bindings = [(name = "ORGANIZATION_QUOTA", durableObjectNamespace = (className = "OrganizationQuota", serviceName = "object"))]`;
  const worker = (script: string, rest = '') => `(
      modules = [(name = "worker.js", esModule = embed "${script}")],
      compatibilityDate = ${date}, compatibilityFlags = [${flags?.join(', ')}], ${binding}, ${rest}
    )`;
  const objects = `
      durableObjectNamespaces = [(className = "OrganizationQuota", uniqueKey = "OrganizationQuota", enableSql = true)],
      durableObjectStorage = (localDisk = "disk")`;
  const gateways = gatewayPorts.map((_, n) => `(name = "gateway-${n}", worker = ${worker('gateway.js')})`);
  const sockets = gatewayPorts.map(
    (port, n) => `(name = "http-${n}", address = "127.0.0.1:${port}", http = (), service = "gateway-${n}")`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "object", worker = ${worker('object.js', objects)}),
    (name = "disk", disk = (path = ${JSON.stringify(join(dir, 'objects'))}, writable = true)),
    ${gateways.join(',\n    ')},
  ],
  sockets = [
    (name = "object", address = "127.0.0.1:${objectPort}", http = (), service = "object"),
    ${sockets.join(',\n    ')},
  ],
);
`;
}
