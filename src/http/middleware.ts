import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { cors } from 'hono/cors';
import { routePath } from 'hono/route';
import { secureHeaders } from 'hono/secure-headers';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { Logger } from '../telemetry/log.ts';
import type { AppEnv } from './app-env.ts';
import { QUOTA_FIELDS } from './quota-fields.ts';

const MAX_BODY_BYTES = 1024 * 1024;

/*
 * Every field is set on the finished answer, by its own `headers`. A field that is set before there is an answer makes Hono
 * copy the answer when it comes, with all its fields, and so does Hono's own setter afterwards: by far the most of what an
 * answer's fields cost.
 */

const PLAIN_ID = /^[\w\-=]{1,128}$/;

/** Takes the caller's `X-Request-Id` over when it is short and plain, else makes one. */
export const withRequestId = (): MiddlewareHandler<AppEnv> =>
  async function requestId(c, next) {
    const given = c.req.header('X-Request-Id');
    const id = given !== undefined && PLAIN_ID.test(given) ? given : crypto.randomUUID();
    c.set('requestId', id);
    await next();
    c.res.headers.set('X-Request-Id', id);
  };

/** One log line a request: what was asked, how it ended, how long it took. Never headers, bodies or query strings. */
export function withRequestLog(log: Logger, clock: Clock): MiddlewareHandler<AppEnv> {
  return async function requestLog(c, next) {
    c.set('log', log);
    c.set('organizationId', undefined);
    const started = clock().getTime();
    await next();
    log.info('request', {
      method: c.req.method,
      route: routePath(c, -1),
      status: c.res.status,
      duration_ms: clock().getTime() - started,
      organization_id: c.get('organizationId') ?? null,
      request_id: c.get('requestId'),
    });
  };
}

/** Refuses more than 1 MiB before anything reads the body, whether or not its length was announced. */
export const withBodyLimit = (): MiddlewareHandler<AppEnv> =>
  bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError: () => {
      throw new AppError('payload_too_large', 'The request body must not be larger than 1 MB');
    },
  });

/** What an answer carries unless its handler says otherwise: nobody keeps it, and as a page it may load nothing. */
const DEFAULT_HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
} as const;

export const withDefaultHeaders = (): MiddlewareHandler<AppEnv> =>
  async function defaultHeaders(c, next) {
    await next();
    const { headers } = c.res;
    for (const [name, value] of Object.entries(DEFAULT_HEADERS)) if (!headers.has(name)) headers.set(name, value);
  };

export const withSecurityHeaders = (): MiddlewareHandler<AppEnv> =>
  secureHeaders({ strictTransportSecurity: 'max-age=31536000; includeSubDomains', referrerPolicy: 'no-referrer' });

/**
 * Refuses what a page of an origin that is not listed would have a user's browser do. Browsers say in `Origin` where a
 * request that may change something comes from (Fetch, §3.2); other clients send none and are not concerned.
 */
export const withOriginCheck = (allowedOrigins: readonly string[], ownOrigin: string): MiddlewareHandler<AppEnv> =>
  async function originCheck(c, next) {
    const origin = c.req.header('Origin');
    const changes = !['GET', 'HEAD', 'OPTIONS'].includes(c.req.method);
    if (changes && origin !== undefined && origin !== ownOrigin && !allowedOrigins.includes(origin)) {
      throw new AppError('forbidden', 'Requests from this origin are not accepted');
    }
    await next();
  };

const EXPOSED = ['X-Request-Id', 'Idempotent-Replayed', ...QUOTA_FIELDS];

/** CORS for the origins the operator lists. Credentials are bearer tokens, so cookies are never allowed along. */
export function withCors(allowedOrigins: readonly string[]): MiddlewareHandler<AppEnv> {
  const preflight = cors({
    origin: (origin) => (allowedOrigins.includes(origin) ? origin : null),
    allowMethods: ['GET', 'POST', 'PUT', 'DELETE'],
    allowHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'Last-Event-ID', 'X-API-Key', 'X-Request-Id'],
    exposeHeaders: EXPOSED,
    maxAge: 600,
  });
  const exposed = EXPOSED.join(',');
  return async function crossOrigin(c, next) {
    if (c.req.method === 'OPTIONS') return preflight(c, next);
    await next();
    const { headers } = c.res;
    const origin = c.req.header('Origin');
    if (origin !== undefined && allowedOrigins.includes(origin)) headers.set('Access-Control-Allow-Origin', origin);
    headers.set('Access-Control-Expose-Headers', exposed);
    headers.append('Vary', 'Origin');
  };
}
