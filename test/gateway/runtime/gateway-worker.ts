import gateway from '../../bench/workers/gateway.ts';
import type { QuotaBindings } from '../../bench/workers/wiring.ts';

/** One of several gateways, each of which is an isolate of its own: Weir's data plane without a database. */

/** Questions to the object of each API since this isolate started, by the API's id. */
const hops: Record<string, number> = {};

let counting: QuotaBindings | undefined;

/** The pipeline asks the objects that watch over upstreams by their names alone, and each of them once a question. */
function countingOf(env: QuotaBindings): QuotaBindings {
  const getByName = (name: string) => {
    hops[name] = (hops[name] ?? 0) + 1;
    return env.UPSTREAM_WATCH.getByName(name);
  };
  return { ...env, UPSTREAM_WATCH: { getByName } as unknown as Env['UPSTREAM_WATCH'] };
}

export default {
  async fetch(request, env) {
    if (new URL(request.url).pathname === '/hops') return Response.json(hops);
    counting ??= countingOf(env);
    return gateway.fetch(request, counting);
  },
} satisfies ExportedHandler<QuotaBindings>;
