import { Hono } from 'hono';
import { ANSWER, PATH } from './answer.ts';

/** A route and nothing before it. */
export default new Hono().get(PATH, (c) => c.json(ANSWER));
