import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, LOOPBACK } from '../../scripts/stack/ports.ts';
import { type Child, readyOrDead, run, startChild } from '../../scripts/stack/process.ts';
import { makeTemporaryFolder } from '../../scripts/stack/throw-away.ts';

/** The bundler and the runtime are those that wrangler brings: the ones that the product is built and run with. */
const ofWrangler = createRequire(createRequire(import.meta.url).resolve('wrangler/package.json'));

const READY_WITHIN_MS = 30_000;

export interface IsolatesOptions {
  /** Names the folder that all of it lies in: lower case letters. */
  part: string;
  gateways: number;
  /** The Worker that each gateway is. */
  gateway: URL;
  /** The Worker that has the classes of objects. */
  object: URL;
  /** Classes of Durable Objects by the name of their binding. */
  classes: Record<string, string>;
  variables?: Record<string, string>;
}

/** Several gateways and the Durable Objects they share in one workerd, with the objects' SQLite on disk. */
export interface Isolates {
  /** Where the service with the objects is asked. */
  object: string;
  gateways: readonly string[];
  /** Kills the runtime as `kill -9` does, and starts it anew on the same disk. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

export async function startIsolates(options: IsolatesOptions): Promise<Isolates> {
  const dir = await makeTemporaryFolder(options.part);
  await mkdir(join(dir, 'objects'));
  await Promise.all([bundle(options.gateway, join(dir, 'gateway.js')), bundle(options.object, join(dir, 'object.js'))]);
  const ports: number[] = [];
  for (let n = 0; n <= options.gateways; n++) ports.push(await freePort());
  const config = join(dir, 'config.capnp');
  await writeFile(config, await configOf(dir, ports, options));
  const [object = '', ...gateways] = ports.map((port) => `http://${LOOPBACK}:${port}`);
  const urls = [object, ...gateways];
  let runtime = await startRuntime(config, urls);
  return {
    object,
    gateways,
    async crash() {
      await runtime.stop('SIGKILL', 5_000);
      runtime = await startRuntime(config, urls);
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

async function startRuntime(config: string, urls: readonly string[]): Promise<Child> {
  const child = await startChild({
    name: 'workerd',
    command: ofWrangler.resolve('workerd/bin/workerd'),
    args: ['serve', '--experimental', config],
  });
  await readyOrDead('workerd', child, answering(urls));
  return child;
}

async function answering(urls: readonly string[]): Promise<void> {
  const end = Date.now() + READY_WITHIN_MS;
  for (const url of urls) {
    // What it answers to a question that makes no sense is of no interest.
    while (
      !(await fetch(url).then(
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
async function configOf(
  dir: string,
  [objectPort = 0, ...gatewayPorts]: readonly number[],
  { classes, variables = {} }: IsolatesOptions,
): Promise<string> {
  const toml = await readFile('wrangler.toml', 'utf8');
  const date = /^compatibility_date = (".+")$/m.exec(toml)?.[1];
  const flags = /^compatibility_flags = \[([^\]]+)\]$/m.exec(toml)?.[1]?.match(/"[^"]+"/g);
  const text = (value: string) => JSON.stringify(value);
  const bindings = [
    ...Object.entries(variables).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`),
    ...Object.entries(classes).map(
      ([name, of]) =>
        `(name = ${text(name)}, durableObjectNamespace = (className = ${text(of)}, serviceName = "object"))`,
    ),
  ];
  const worker = (script: string, rest = '') => `(
      modules = [(name = "worker.js", esModule = embed "${script}")],
      compatibilityDate = ${date}, compatibilityFlags = [${flags?.join(', ')}],
      bindings = [${bindings.join(', ')}], globalOutbound = "loopback", ${rest}
    )`;
  const namespaces = Object.values(classes).map(
    (name) => `(className = ${text(name)}, uniqueKey = ${text(name)}, enableSql = true)`,
  );
  const objects = `
      durableObjectNamespaces = [${namespaces.join(', ')}],
      durableObjectStorage = (localDisk = "disk")`;
  const gateways = gatewayPorts.map((_, n) => `(name = "gateway-${n}", worker = ${worker('gateway.js')})`);
  const sockets = gatewayPorts.map(
    (port, n) => `(name = "http-${n}", address = "${LOOPBACK}:${port}", http = (), service = "gateway-${n}")`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "object", worker = ${worker('object.js', objects)}),
    (name = "disk", disk = (path = ${text(join(dir, 'objects'))}, writable = true)),
    (name = "loopback", network = (allow = ["private"])),
    ${gateways.join(',\n    ')},
  ],
  sockets = [
    (name = "object", address = "${LOOPBACK}:${objectPort}", http = (), service = "object"),
    ${sockets.join(',\n    ')},
  ],
);
`;
}
