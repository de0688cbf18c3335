/** Prints what a deployment weighs and how long the Worker takes to start, as measured by wrangler on this machine. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { run } from './stack/process.ts';

interface CpuProfile {
  /** Microseconds. */
  startTime: number;
  endTime: number;
}

const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`;
const scratch = await mkdtemp(join(tmpdir(), 'weir-size-'));
const wrangler = (...args: string[]) => run({ name: 'wrangler', command: 'wrangler', args });

try {
  await wrangler('deploy', '--dry-run', '--env', 'production', '--outdir', scratch);
  for (const file of (await readdir(scratch)).filter((name) => /\.(js|wasm)$/.test(name))) {
    const content = await readFile(join(scratch, file));
    const name = file.replace(/^[0-9a-f]{40}-/, '');
    console.log(
      `${name.padEnd(16)} ${kib(content.length).padStart(12)}, gzip ${kib(gzipSync(content, { level: 9 }).length)}`,
    );
  }
  const outfile = join(scratch, 'startup.cpuprofile');
  await wrangler('check', 'startup', '--outfile', outfile);
  const profile = JSON.parse(await readFile(outfile, 'utf8')) as CpuProfile;
  console.log(`start-up         ${((profile.endTime - profile.startTime) / 1_000).toFixed(0).padStart(9)} ms`);
} finally {
  await rm(scratch, { recursive: true, force: true });
}
