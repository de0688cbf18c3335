import { zValidator } from '@hono/zod-validator';
import type { MiddlewareHandler } from 'hono';
import * as z from 'zod';
import { AppError, type ErrorDetail, notFound } from '../kernel/errors.ts';
import type { Operation } from './operation.ts';
import { parseYaml } from './yaml.ts';

/**
 * The checks of what an operation declares: path, query, header fields and body, each refused before the handler runs.
 * Only a GET may have parameters that it does not know: of a change, `dry_run` in the wrong place would carry it out.
 */
export function validators(op: Operation): MiddlewareHandler[] {
  const chain: MiddlewareHandler[] = [];
  // An id that is not well-formed names nothing, so it answers like one that does not exist.
  if (op.params) {
    chain.push(
      zValidator('param', op.params, (result) => {
        if (!result.success) throw notFound('Resource');
      }),
    );
  }
  if (op.method !== 'get') chain.push(zValidator('query', (op.query ?? NO_QUERY).strict(), refuseQuery));
  else if (op.query) chain.push(zValidator('query', op.query, refuse));
  if (op.headers) chain.push(zValidator('header', op.headers, refuse));
  if (op.body) chain.push(readsBody(op, op.body.strict()));
  return chain;
}

/**
 * A body counts as JSON only if it says so: that is also what keeps a form of another site from sending one, since a
 * browser asks before it sends this type across origins (Fetch, CORS-safelisted request headers). So it does for YAML.
 */
function readsBody({ bodyOptional, yamlBody }: Operation, schema: z.ZodObject): MiddlewareHandler {
  const types = yamlBody ? 'JSON or YAML, sent as Content-Type: application/json or application/yaml' : JSON_ALONE;
  const validate = zValidator('json', schema, refuse);
  return async function body(c, next) {
    if ((await c.req.text()) === '') {
      if (!bodyOptional) throw new AppError('bad_request', 'A JSON body is required');
      c.req.addValidatedData('json', schema.parse({}));
      return next();
    }
    const type = c.req.header('Content-Type')?.split(';')[0]?.trim().toLowerCase();
    if (yamlBody && type === 'application/yaml') {
      const result = schema.safeParse(parseYaml(await c.req.text()));
      refuse(result);
      c.req.addValidatedData('json', result.data ?? {});
      return next();
    }
    // RFC 9110 §15.5.16, where there is a choice of types; where there is none, whatever is no JSON is a bad request.
    const code = yamlBody ? 'unsupported_media_type' : 'bad_request';
    if (type !== 'application/json') throw new AppError(code, `The body must be ${types}`);
    return validate(c, next);
  };
}

const JSON_ALONE = 'JSON, sent as Content-Type: application/json';

const NO_QUERY = z.object({});

interface Result {
  success: boolean;
  error?: z.core.$ZodError;
}

const refuserOf = (unknown: string) => (result: Result) => {
  if (result.success || !result.error) return;
  const details = detailsOf(result.error.issues, unknown);
  throw new AppError('validation_failed', 'Request validation failed', { details });
};

const refuse = refuserOf('Unknown field');
const refuseQuery = refuserOf('Unknown query parameter');

const MAX_DETAILS = 50;

/** One detail per fault; an unknown field is named by its own path. */
function detailsOf(issues: readonly z.core.$ZodIssue[], unknown: string): ErrorDetail[] {
  return issues
    .flatMap((issue) => {
      if (issue.code !== 'unrecognized_keys') return [{ path: issue.path.join('.'), message: issue.message }];
      return issue.keys.map((key) => ({ path: [...issue.path, key].join('.'), message: unknown }));
    })
    .slice(0, MAX_DETAILS);
}
