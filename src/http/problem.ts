import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { isUnreachable } from '../db/client.ts';
import { AppError, describeError, ERRORS, type ErrorCode } from '../kernel/errors.ts';
import type { Logger } from '../telemetry/log.ts';
import type { AppEnv } from './app-env.ts';

const PROBLEM_JSON = 'application/problem+json';

/** What an error is answered with depends on these of its request. */
interface Asked {
  log: Logger;
  requestId: string;
  /** The `Accept` field. */
  accept: string | null | undefined;
}

/** The only place that turns an error into a response. */
export function answerError(error: Error, c: Context<AppEnv>): Response {
  return send(shown(error, { ...askedOf(c), log: c.get('log') }), c);
}

/** The same where there is no context of the control plane's. */
export function errorResponse(error: Error, asked: Asked): Response {
  const { status, headers, body } = shown(error, asked);
  return new Response(body, { status, headers });
}

function shown(error: Error, asked: Asked): Shown {
  const known = asAppError(error);
  const failure = () => ({ request_id: asked.requestId, error: describeError(error) });
  if (isOurFailure(known)) asked.log.error('request.failed', failure());
  else if (known.status >= 500) asked.log.info('request.failed', failure());
  return show(known, asked);
}

/** Not an upstream's, nor a refusal for the moment, which callers can bring about as often as they like. */
const isOurFailure = ({ code, cause }: AppError) =>
  code === 'internal_error' || (code === 'service_unavailable' && cause !== undefined);

const askedOf = (c: Context<AppEnv>) => ({ requestId: c.get('requestId'), accept: c.req.header('Accept') });

function send({ status, headers, body }: Shown, c: Context<AppEnv>): Response {
  for (const [name, value] of headers) c.header(name, value);
  return c.body(body, status);
}

/** There is no such route: 404, or 405 where the path is known under other methods. */
export function answerNoRoute(c: Context<AppEnv>, methods: readonly string[]): Response {
  if (methods.length === 0)
    return send(show(new AppError('not_found', `There is nothing at ${c.req.path}`), askedOf(c)), c);
  c.header('Allow', methods.join(', '));
  const error = new AppError('method_not_allowed', `${c.req.path} does not support ${c.req.method}`);
  return send(show(error, askedOf(c)), c);
}

function asAppError(error: Error): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof HTTPException) {
    const code = BY_STATUS.get(error.status);
    if (code)
      return new AppError(code, code === 'bad_request' ? 'The request body is not valid JSON' : ERRORS[code].title);
  }
  if (isUnreachable(error)) {
    const retryAfter = RETRY_AFTER_SECONDS;
    return new AppError('service_unavailable', 'A service this request needs is unavailable', {
      retryAfter,
      cause: error,
    });
  }
  return new AppError('internal_error', 'Something failed on our side. The request id identifies it in our logs.');
}

const RETRY_AFTER_SECONDS = 5;

/** What Hono's own middleware may refuse with. */
const BY_STATUS = new Map<number, ErrorCode>([
  [400, 'bad_request'],
  [413, 'payload_too_large'],
]);

interface Shown {
  status: AppError['status'];
  headers: Headers;
  body: string;
}

function show(error: AppError, { requestId, accept }: Omit<Asked, 'log'>): Shown {
  const headers = new Headers();
  const retryAfter = error.rateLimit?.retryAfter ?? error.retryAfter;
  if (retryAfter !== undefined) headers.set('Retry-After', String(retryAfter));
  // RFC 9110 §11.6.1: a 401 names the scheme that would be accepted.
  if (error.status === 401) headers.set('WWW-Authenticate', 'Bearer');
  const asProblem = (accept ?? '').includes(PROBLEM_JSON);
  headers.set('Content-Type', asProblem ? PROBLEM_JSON : 'application/json');
  const body = asProblem ? problemBody(error, requestId) : contractBody(error, requestId);
  return { status: error.status, headers, body: JSON.stringify(body) };
}

/** RFC 9457. `type` is about:blank: the code says more than a page would. */
function problemBody(error: AppError, requestId: string) {
  return {
    type: 'about:blank',
    title: ERRORS[error.code].title,
    status: error.status,
    detail: error.message,
    code: error.code,
    request_id: requestId,
    ...(error.rateLimit && {
      retry_after: error.rateLimit.retryAfter,
      limit: error.rateLimit.limit,
      window: error.rateLimit.window,
    }),
    ...(error.details && { errors: error.details }),
  };
}

/** The contract's own format; a 429 alone nests. */
function contractBody(error: AppError, requestId: string) {
  if (error.rateLimit) {
    const { retryAfter, limit, window } = error.rateLimit;
    return {
      error: { code: error.code, message: error.message, retry_after: retryAfter, limit, window },
    };
  }
  return {
    error: error.code,
    message: error.message,
    request_id: requestId,
    ...(error.details && { details: error.details }),
  };
}

/** The answer of a deployment whose environment is not complete; what is missing goes to the log alone. */
export function refuseToServe(log: Logger, error: unknown): Response {
  log.error('environment.invalid', { error: describeError(error) });
  const refusal = new AppError('service_unavailable', 'This deployment is not configured completely');
  const body = contractBody(refusal, crypto.randomUUID());
  return Response.json(body, { status: refusal.status, headers: { 'Retry-After': '60', 'Cache-Control': 'no-store' } });
}
