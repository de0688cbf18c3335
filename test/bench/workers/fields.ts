import { Hono } from 'hono';
import { ANSWER, PATH } from './answer.ts';

/** What it costs to tell of a limit, apart from knowing it: the fields of Weir's answers, with nothing behind them. */
const FIELDS = {
  'X-RateLimit-Limit': '1000000',
  'X-RateLimit-Remaining': '999999',
  'X-RateLimit-Reset': '1795327265',
  'X-RateLimit-Window': '3600',
  'RateLimit-Policy': '"hour";q=1000000;w=3600',
  RateLimit: '"hour";r=999999;t=3600',
};

/** A route and nothing before it. */
export default new Hono().get(PATH, (c) => c.json(ANSWER, 200, FIELDS));
