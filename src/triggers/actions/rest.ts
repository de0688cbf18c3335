import * as z from 'zod';
import { text } from '../../http/shapes.ts';
import { SECOND } from '../../kernel/clock.ts';
import type { ErrorDetail } from '../../kernel/errors.ts';
import { judge } from '../../outbound/attempt.ts';
import type { OutboundPolicy } from '../../outbound/guard.ts';
import { configCheck, faultAt, holdsStorable, originOf } from './config.ts';
import type { Json } from './json-template.ts';
import type { ActionKind } from './kind.ts';
import { faultsOfBody } from './rest-body.ts';
import { headerNamed, restRequest } from './rest-request.ts';
import { parseTemplate } from './template.ts';
import { faultOfUrl } from './url-template.ts';

const MAX_BODY = 64 * 1024;

/** RFC 9110 §5.6.2. */
const headerName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'must be a header name (RFC 9110)');

const headerValue = z
  .string()
  .max(1024, 'must have at most 1024 characters')
  .regex(/^[\t\x20-\x7e]*$/, 'must hold only visible ASCII characters, spaces and tabs');

const jsonBody: z.ZodType<Json> = z
  .json()
  .refine((body) => body !== null && typeof body === 'object', 'must be a text, an object or a list')
  .refine((body) => JSON.stringify(body).length <= MAX_BODY, `must have at most ${MAX_BODY} characters as JSON`)
  .refine(holdsStorable, 'must hold only well-formed Unicode without NUL');

export const restConfig = z.strictObject({
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
  url: text(1, 2048),
  headers: z
    .record(headerName, headerValue)
    .refine((headers) => Object.keys(headers).length <= 50, 'must have at most 50 headers')
    .optional(),
  body: z.union([text(0, MAX_BODY), jsonBody], 'must be a text, an object or a list').optional(),
  timeout_ms: z
    .int()
    .min(1 * SECOND)
    .max(30 * SECOND)
    .optional(),
  expected_status: z.array(z.int().min(100).max(599)).min(1).max(100).optional(),
});

export type RestConfig = z.output<typeof restConfig>;

/**
 * Headers that are not the action's to set: those that frame the message or belong to one connection (RFC 9110 §7.6.1),
 * and those by which a receiver knows us.
 */
const RESERVED =
  /^(host|content-length|connection|keep-alive|proxy-connection|proxy-authenticate|proxy-authorization|te|trailer|transfer-encoding|upgrade|expect|webhook-.*|weir-.*|cf-.*)$/i;

/** Headers whose values are credentials, going by their names. An idempotency key is not one. */
const SECRET_HEADER = /^(?!idempotency-key$)(?:authorization$|cookie$|.*(?:token|secret|key|password|auth))/i;

function faultsOfHeaders(headers: Readonly<Record<string, string>>): ErrorDetail[] {
  const seen = new Set<string>();
  return Object.entries(headers).flatMap(([name, value]) => {
    const path = `headers.${name}`;
    const repeated = seen.has(name.toLowerCase());
    seen.add(name.toLowerCase());
    if (repeated) return [{ path, message: 'is given twice; header names are the same in upper and lower case' }];
    if (RESERVED.test(name)) return [{ path, message: 'must not be set by an action' }];
    const parsed = parseTemplate(value);
    return parsed.ok ? [] : [{ path, message: parsed.fault }];
  });
}

function faultsOf(config: RestConfig, policy: OutboundPolicy): ErrorDetail[] {
  const { method, url, headers = {}, body } = config;
  return [
    ...faultAt('url', faultOfUrl(url, policy)),
    ...faultsOfHeaders(headers),
    ...(body === undefined ? [] : faultsOfBody(body, headerNamed(headers, 'content-type'))),
    ...faultAt(
      'body',
      method === 'GET' && body !== undefined ? 'must not be given for GET, which sends none' : undefined,
    ),
  ];
}

const isSuccess = (status: number) => status >= 200 && status <= 299;

export const rest: ActionKind = {
  validate: configCheck(restConfig, faultsOf),
  secretPaths: (config) =>
    Object.keys(restConfig.parse(config).headers ?? {})
      .filter((name) => SECRET_HEADER.test(name))
      .map((name) => ['headers', name]),
  audience: (config) => originOf(config['url']),
  endpoint: (config) => originOf(config['url']),
  async send(delivery, deps) {
    const config = restConfig.safeParse(delivery.config);
    if (!config.success)
      return { outcome: 'permanent', error: 'The configuration of the action is not one that this release can send' };
    const built = await restRequest(delivery, config.data, deps);
    if (!built.ok) return { outcome: 'permanent', error: built.reason };
    const { expected_status: expected } = config.data;
    const result = await deps.outbound(built.request);
    return judge(result, expected ? (status) => expected.includes(status) : isSuccess, deps.clock());
  },
};
