import { env } from 'cloudflare:workers';
import { configOf, primeConfig } from '../../../src/env.ts';
import type { Step } from '../../support/lab/receivers.ts';

/**
 * A resolver for the test file, which the Worker asks from now on: every name has these texts and no address. To be made
 * before the first request.
 */
export function ownResolver() {
  const name = crypto.randomUUID();
  const config = configOf(env);
  const dohUrl = `${env.LAB_URL}/hooks/${name}`;
  primeConfig({ ...config, outbound: { ...config.outbound, dohUrl } });

  async function answer(step: Step) {
    await fetch(`${env.LAB_URL}/receivers/${name}`, { method: 'PUT', body: JSON.stringify([step]) });
  }

  return {
    show(...texts: string[]) {
      const Answer = texts.map((text) => ({ name: 'x', type: 16, TTL: 300, data: JSON.stringify(text) }));
      return answer({ body: JSON.stringify({ Status: 0, Answer }) });
    },
    fail: () => answer({ status: 503 }),
    /** Names whose texts it was asked for. */
    async asked(): Promise<string[]> {
      const response = await fetch(`${env.LAB_URL}/receivers/${name}`);
      const received = (await response.json()) as { path: string }[];
      const queries = received.map(({ path }) => new URL(path, 'http://lab').searchParams);
      return queries.filter((query) => query.get('type') === '16').map((query) => query.get('name') ?? '');
    },
  };
}
