import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    labUrl: string;
  }
}

/** Starts the lab and tells the tests where it is. */
export default async function setup(project: TestProject) {
  const lab = fork(join(import.meta.dirname, 'main.ts'), { stdio: 'inherit' });
  const died = once(lab, 'exit').then(([code]) => Promise.reject(new Error(`the lab ended with exit code ${code}`)));
  const [{ labUrl }] = (await Promise.race([once(lab, 'message'), died])) as [{ labUrl: string }];
  project.provide('labUrl', labUrl);
  return async () => {
    died.catch(() => undefined);
    lab.kill('SIGTERM');
    await once(lab, 'exit');
  };
}
