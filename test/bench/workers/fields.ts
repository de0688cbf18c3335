import { Hono } from 'hono';
import { ANSWER, PATH, QUOTA_FIELDS } from './answer.ts';

/** What it costs to tell of a limit, apart from knowing it. */
export default new Hono().get(PATH, (c) => c.json(ANSWER, 200, QUOTA_FIELDS));
