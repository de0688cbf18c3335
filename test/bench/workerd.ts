import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { run } from '../../scripts/stack/process.ts';

/** The bundler and the runtime are those that wrangler brings: the ones that the product is built and run with. */
const ofWrangler = createRequire(createRequire(import.meta.url).resolve('wrangler/package.json'));

export interface WorkerOptions {
  /** File of `workers/`, without its ending. */
  name: string;
  /** An empty folder of its own; the storage of its objects is kept there. */
  dir: string;
  port: number;
  variables?: Record<string, string>;
  /** Classes of Durable Objects by the name of their binding. */
  objects?: Record<string, string>;
}

/** Bundles a Worker as wrangler would and gives the command that serves it by workerd itself, with no proxy before it. */
export async function prepareWorker(options: WorkerOptions): Promise<{ command: string; args: string[] }> {
  const { name, dir } = options;
  await mkdir(join(dir, 'objects'), { recursive: true });
  await run({
    name: 'esbuild',
    command: ofWrangler.resolve('esbuild/bin/esbuild'),
    args: [
      join(import.meta.dirname, 'workers', `${name}.ts`),
      `--outfile=${join(dir, 'worker.js')}`,
      ...['--bundle', '--format=esm', '--target=es2024', '--minify'],
      ...['--conditions=workerd,worker,browser', '--external:cloudflare:*', '--external:node:*'],
    ],
  });
  const config = join(dir, 'config.capnp');
  await writeFile(config, await configOf(options));
  return { command: await runtimeIn(dir), args: ['serve', '--experimental', config] };
}

/** Its own name in the process list, and the file itself, not a launcher. */
async function runtimeIn(dir: string): Promise<string> {
  const program = join(dir, 'workerd');
  await copyFile(ofWrangler.resolve('workerd/bin/workerd'), program);
  return program;
}

/** The product's own compatibility date and flags. */
async function compatibility(): Promise<string> {
  const toml = await readFile('wrangler.toml', 'utf8');
  const date = /^compatibility_date = (".+")$/m.exec(toml)?.[1];
  const flags = /^compatibility_flags = \[([^\]]+)\]$/m.exec(toml)?.[1]?.match(/"[^"]+"/g);
  if (date === undefined || !flags) throw new Error('wrangler.toml does not tell its compatibility');
  return `compatibilityDate = ${date}, compatibilityFlags = [${flags.join(', ')}]`;
}

/** Cap'n Proto takes texts in the form of JSON's, for what is written here. */
async function configOf({ dir, port, variables = {}, objects = {} }: WorkerOptions): Promise<string> {
  const text = (value: string) => JSON.stringify(value);
  const bindings = [
    ...Object.entries(variables).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`),
    ...Object.entries(objects).map(([name, of]) => `(name = ${text(name)}, durableObjectNamespace = ${text(of)})`),
  ];
  const namespaces = Object.values(objects).map(
    (name) => `(className = ${text(name)}, uniqueKey = ${text(name)}, enableSql = true)`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker.js", esModule = embed "worker.js")],
      ${await compatibility()},
      bindings = [${bindings.join(', ')}],
      durableObjectNamespaces = [${namespaces.join(', ')}],
      durableObjectStorage = (localDisk = "objects"),
      globalOutbound = "loopback",
    )),
    (name = "objects", disk = (path = ${text(join(dir, 'objects'))}, writable = true)),
    (name = "loopback", network = (allow = ["private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`;
}
