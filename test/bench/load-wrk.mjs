/**
 * The same as load.mjs with wrk, which counts in microseconds and leaves most of its core to the upstream.
 * `node load-wrk.mjs '{"url","headers","post"?,"connections","seconds"}'`
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const { url, headers, post, connections, seconds } = JSON.parse(process.argv[2]);
const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
const script = join(import.meta.dirname, 'load-wrk.lua');
const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, ...fields, url];
const text = execFileSync('wrk', args, { encoding: 'utf8', env: { ...process.env, ...(post && { POST_BODY: post }) } });
const seen = JSON.parse(/^\{.+\}$/m.exec(text)?.[0] ?? '{}');

// Of children that have ended: proc(5), fields 16 and 17, in hundredths of a second.
const stat = readFileSync('/proc/self/stat', 'utf8');
const times = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
const { user, system } = process.cpuUsage();
const cpuSeconds = (Number(times[13]) + Number(times[14])) / 100 + (user + system) / 1_000_000;
console.log(JSON.stringify({ ...seen, cpuSeconds }));
