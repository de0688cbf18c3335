import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../../scripts/stack/ports.ts';
import { run } from '../../../scripts/stack/process.ts';
import { OTHER_CORE, SERVER_CORE } from '../pinned.ts';
import { type Bench, type Server, start } from '../servers.ts';

/** Servers that are not Node's: one process with one thread each, so that one core is what all have. */

/** Nothing where the machine does not have the program. */
export const versionOf = (command: string, argument: string): Promise<string | undefined> =>
  run({ name: command, command: 'sh', args: ['-c', `${command} ${argument} 2>&1 | head -1`] }).then(
    (text) => /\d+\.\d+\.\d+/.exec(text)?.[0],
    () => undefined,
  );

interface Nginx {
  name: string;
  core: number;
  /** Before `http`. */
  modules?: string;
  /** Of `http`, the server's port given. */
  http(port: number): string;
}

async function startNginx(bench: Bench, { name, core, modules = '', http }: Nginx): Promise<Server> {
  const dir = join(bench.dir, name);
  await mkdir(dir);
  const port = await freePort();
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((one) => `${one}_temp_path ${dir}/${one};`);
  const config = join(dir, 'nginx.conf');
  await writeFile(
    config,
    `daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log;
${modules}
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 100000000; ${paths.join(' ')}
${http(port)}
}
`,
  );
  const args = ['-c', config, '-p', dir, '-e', join(dir, 'error.log')];
  return start(bench, { name, core, command: 'nginx', args }, `http://127.0.0.1:${port}`);
}

/** What all of them stand before: a short JSON text, whatever is asked. */
export const startUpstream = (bench: Bench, answer: unknown): Promise<Server> =>
  startNginx(bench, {
    name: 'upstream',
    core: OTHER_CORE,
    http: (port) => `  server {
    listen 127.0.0.1:${port};
    default_type application/json;
    location / { return 200 '${JSON.stringify(answer)}'; }
  }`,
  });

export interface Behind {
  /** Of the upstream: `http://127.0.0.1:9000`. */
  upstream: string;
  /** The one that is sent; it is one of many. */
  key: string;
  /** Units an hour. */
  limit: number;
}

/** Keys that a gateway knows, the one that is used among them. */
const keysOf = ({ key }: Behind) => [
  ...Array.from({ length: 999 }, (_, index) => `sk_live_${String(index).padStart(60, '0')}`),
  key,
];

/** Where Debian puts them. */
const MODULES = '/usr/lib/nginx/modules';

/** The key looked up in a table, the hour's calls counted in memory that nginx's processes share, both in Lua. */
export async function startNginxLua(bench: Bench, behind: Behind): Promise<Server> {
  const { upstream, limit } = behind;
  const known = keysOf(behind).map((key, index) => `["${key}"] = "organization-${index}"`);
  return startNginx(bench, {
    name: 'nginx-lua',
    core: SERVER_CORE,
    modules: ['ndk_http', 'ngx_http_lua'].map((one) => `load_module ${MODULES}/${one}_module.so;`).join(' '),
    http: (port) => `
  lua_package_path "/usr/share/lua/5.1/?.lua;;";
  lua_shared_dict quota 10m;
  init_by_lua_block { organizations = { ${known.join(', ')} } }
  upstream up { server ${new URL(upstream).host}; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      access_by_lua_block {
        local organization = organizations[ngx.var.http_x_api_key]
        if not organization then return ngx.exit(401) end
        local hour = math.floor(ngx.time() / 3600)
        local count = ngx.shared.quota:incr(organization .. ":" .. hour, 1, 0, 7200)
        ngx.header["X-RateLimit-Limit"] = ${limit}
        ngx.header["X-RateLimit-Remaining"] = ${limit} - count
        ngx.header["X-RateLimit-Reset"] = (hour + 1) * 3600
        if count > ${limit} then return ngx.exit(429) end
      }
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Api-Key "";
      proxy_pass http://up;
    }
  }`,
  });
}

/** The key looked up in a map; the calls of an hour are what a stick-table takes them to be, which slides. */
export async function startHaproxy(bench: Bench, behind: Behind): Promise<Server> {
  const dir = join(bench.dir, 'haproxy');
  await mkdir(dir);
  const port = await freePort();
  const map = join(dir, 'keys.map');
  await writeFile(
    map,
    keysOf(behind)
      .map((key, index) => `${key} organization-${index}\n`)
      .join(''),
  );
  const config = join(dir, 'haproxy.cfg');
  await writeFile(
    config,
    `global
  nbthread 1
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
backend organizations
  stick-table type string len 40 size 100k expire 2h store http_req_rate(1h)
frontend gateway
  bind 127.0.0.1:${port}
  http-request set-var(txn.organization) req.hdr(x-api-key),map_str(${map})
  http-request return status 401 if !{ var(txn.organization) -m found }
  http-request track-sc0 var(txn.organization) table organizations
  http-request return status 429 if { sc_http_req_rate(0,organizations) gt ${behind.limit} }
  http-request del-header x-api-key
  http-response set-header X-RateLimit-Limit ${behind.limit}
  http-response set-header X-RateLimit-Remaining %[sc_http_req_rate(0,organizations),neg,add(${behind.limit})]
  default_backend upstream
backend upstream
  http-reuse always
  server one ${new URL(behind.upstream).host}
`,
  );
  const program = { name: 'haproxy', core: SERVER_CORE, command: 'haproxy', args: ['-db', '-f', config] };
  return start(bench, program, `http://127.0.0.1:${port}`);
}
