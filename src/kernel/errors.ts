/**
 * The closed table of error codes. A code is what a caller may branch on; the status and title follow from it.
 * `RATE_LIMITED` and `TIER_NOT_IN_PLAN` are upper case because the public contract spells them so.
 */
export const ERRORS = {
  validation_failed: { status: 400, title: 'The request is not valid' },
  bad_request: { status: 400, title: 'The request cannot be carried out' },
  unauthorized: { status: 401, title: 'Authentication is required or failed' },
  forbidden: { status: 403, title: 'The caller may not do this' },
  TIER_NOT_IN_PLAN: { status: 403, title: "The organization's plan does not include this query tier" },
  account_disabled: { status: 403, title: 'The account is disabled' },
  not_found: { status: 404, title: 'There is no such resource' },
  method_not_allowed: { status: 405, title: 'The resource does not support this method' },
  not_acceptable: { status: 406, title: 'There is nothing of the kind that was asked for' },
  request_timeout: { status: 408, title: 'The request was not sent in time' },
  conflict: { status: 409, title: 'The request conflicts with the present state' },
  gone: { status: 410, title: 'The resource is no longer there' },
  payload_too_large: { status: 413, title: 'The request body is too large' },
  unsupported_media_type: { status: 415, title: 'The request body is of a kind that is not accepted' },
  idempotency_mismatch: { status: 422, title: 'The Idempotency-Key was used for another request' },
  upgrade_required: { status: 426, title: 'The resource is only there over another protocol' },
  RATE_LIMITED: { status: 429, title: 'Too many requests' },
  header_fields_too_large: { status: 431, title: 'The header fields are too large' },
  internal_error: { status: 500, title: 'Something failed on our side' },
  not_implemented: { status: 501, title: 'There is nothing that could answer this' },
  bad_gateway: { status: 502, title: 'The upstream did not answer as it should' },
  service_unavailable: { status: 503, title: 'A service this request needs is unavailable' },
  gateway_timeout: { status: 504, title: 'The upstream did not answer in time' },
  loop_detected: { status: 508, title: 'The request has been here before' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** One fault of a request: `path` names the field (`body.name`, `query.limit`), `message` says what is wrong with it. */
export interface ErrorDetail {
  path: string;
  message: string;
}

export interface RateLimitRefusal {
  /** Whole seconds until the caller may try again. */
  retryAfter: number;
  limit: number;
  /** Length of the window in seconds. */
  window: number;
  /** When that is, in milliseconds since 1970. */
  resetAt: number;
}

interface ErrorOptions {
  details?: ErrorDetail[];
  rateLimit?: RateLimitRefusal;
  /** Seconds for the `Retry-After` field of a 503. */
  retryAfter?: number;
  cause?: unknown;
}

/** A refusal that ends the request. Its message goes on the wire, so it never holds a secret or an inner error's text. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetail[] | undefined;
  readonly rateLimit: RateLimitRefusal | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options.details;
    this.rateLimit = options.rateLimit;
    this.retryAfter = options.retryAfter;
  }

  get status() {
    return ERRORS[this.code].status;
  }
}

export const notFound = (what: string) => new AppError('not_found', `${what} not found`);

/** A 400 about one named field, for rules that a schema cannot state. */
export const invalidField = (path: string, message: string) =>
  new AppError('validation_failed', 'Request validation failed', { details: [{ path, message }] });

/**
 * Text for logs: the chain of causes, without stacks. A failed statement's error lists its parameters behind
 * `params:`, and those are users' data, so that part is left out.
 */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [message] = error.message.split('\nparams:');
  const cause = error.cause === undefined ? '' : ` <- ${describeError(error.cause)}`;
  return `${error.name}: ${message}${cause}`;
}
