import { Hono } from 'hono';

/** Passes everything on and does nothing else. */
const app = new Hono<{ Bindings: { UPSTREAM: string } }>();

app.all('*', (c) => {
  const { pathname, search } = new URL(c.req.url);
  return fetch(c.env.UPSTREAM + pathname + search, c.req.raw);
});

export default app;
