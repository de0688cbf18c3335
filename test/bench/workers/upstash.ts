import { Ratelimit } from '@upstash/ratelimit';
import { Redis } from '@upstash/redis/cloudflare';
import { Hono } from 'hono';
import { ANSWER, PATH } from './answer.ts';

interface Bindings {
  URL: string;
  TOKEN: string;
  /** Units an hour. */
  LIMIT: string;
  /** The only key that is good. */
  KEY: string;
}

let limiter: Ratelimit | undefined;

/** The cheapest of the library's algorithms: one script call, one counter. The key is looked up, no more. */
const limiterOf = ({ URL: url, TOKEN: token, LIMIT }: Bindings) => {
  limiter ??= new Ratelimit({
    redis: new Redis({ url, token, enableTelemetry: false }),
    limiter: Ratelimit.fixedWindow(Number(LIMIT), '1 h'),
  });
  return limiter;
};

const organizations = new Map<string, string>();

export default new Hono<{ Bindings: Bindings }>().get(PATH, async (c) => {
  if (organizations.size === 0) organizations.set(c.env.KEY, 'organization-1');
  const organization = organizations.get(c.req.header('X-API-Key') ?? '');
  if (organization === undefined) return c.json({ error: 'unauthorized' }, 401);
  const { success, limit, remaining, reset } = await limiterOf(c.env).limit(organization);
  c.header('X-RateLimit-Limit', String(limit));
  c.header('X-RateLimit-Remaining', String(remaining));
  c.header('X-RateLimit-Reset', String(Math.ceil(reset / 1_000)));
  return success ? c.json(ANSWER) : c.json({ error: 'rate_limited' }, 429);
});
