import type * as z from 'zod';
import { isStorable } from '../../http/shapes.ts';
import type { ErrorDetail } from '../../kernel/errors.ts';
import type { ActionConfig, ConfigCheck, ConfigRules } from './kind.ts';

/** Faults of a config as details, each under the path of its field. */
const detailsOf = (error: z.ZodError): ErrorDetail[] =>
  error.issues.flatMap((issue) => {
    const path = issue.path.map(String).join('.');
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ path: path ? `${path}.${key}` : key, message: 'is not a known field' }));
    }
    const inner = issue.code === 'invalid_key' ? issue.issues[0] : undefined;
    return [{ path, message: (inner ?? issue).message }];
  });

/** A check made of a schema and of faults that a schema cannot state; those are looked for once the shape is right. */
export function configCheck<Config extends ActionConfig>(
  schema: z.ZodType<Config>,
  faultsOf: (config: Config, rules: ConfigRules) => ErrorDetail[],
): (config: unknown, rules: ConfigRules) => ConfigCheck {
  return (config, rules) => {
    const parsed = schema.safeParse(config);
    if (!parsed.success) return { ok: false, details: detailsOf(parsed.error) };
    const details = faultsOf(parsed.data, rules);
    return details.length > 0 ? { ok: false, details } : { ok: true, config: parsed.data };
  };
}

/** A rule's answer as details: none where there is no fault. */
export const faultAt = (path: string, fault: string | undefined): ErrorDetail[] =>
  fault === undefined ? [] : [{ path, message: fault }];

/** Whether every string inside a JSON value, keys included, can be stored. */
export function holdsStorable(value: unknown): boolean {
  if (typeof value === 'string') return isStorable(value);
  if (value === null || typeof value !== 'object') return true;
  return Object.entries(value).every(([key, item]) => isStorable(key) && holdsStorable(item));
}

/** `https://host:port` of an address, templates in its path or not. */
export const originOf = (url: unknown): string => (typeof url === 'string' ? (URL.parse(url)?.origin ?? url) : '');
