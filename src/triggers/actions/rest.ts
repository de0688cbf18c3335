import type { ErrorDetail } from '../../kernel/errors.ts';
import { judge } from '../../outbound/attempt.ts';
import { configCheck, faultAt, originOf } from './config.ts';
import { type ActionConfig, type ActionKind, type ConfigRules, MASK } from './kind.ts';
import { faultsOfBody } from './rest-body.ts';
import { type RestConfig, restConfig } from './rest-config.ts';
import { headerNamed, restRequest, timeoutOf } from './rest-request.ts';
import { sendingOf } from './sending.ts';
import { parseTemplate } from './template.ts';
import { faultOfUrl } from './url-template.ts';

/**
 * Headers that are not the action's to set: those that frame the message or belong to one connection (RFC 9110 §7.6.1),
 * and those by which a receiver knows us.
 */
const RESERVED =
  /^(host|content-length|connection|keep-alive|proxy-connection|proxy-authenticate|proxy-authorization|te|trailer|transfer-encoding|upgrade|expect|webhook-.*|weir-.*|cf-.*)$/i;

/** Headers whose values are shown. Any other may be a credential: names do not tell which (`X-Shared`, `X-Hub`, …). */
const PUBLIC_HEADER = /^(?:accept(?:-encoding|-language)?|cache-control|content-type|idempotency-key|user-agent)$/i;

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

function faultsOf(config: RestConfig, { outboundPolicy }: ConfigRules): ErrorDetail[] {
  const { method, url, headers = {}, body } = config;
  return [
    ...faultAt('url', faultOfUrl(url, outboundPolicy)),
    ...faultsOfHeaders(headers),
    ...(body === undefined ? [] : faultsOfBody(body, headerNamed(headers, 'content-type'))),
    ...faultAt(
      'body',
      method === 'GET' && body !== undefined ? 'must not be given for GET, which sends none' : undefined,
    ),
  ];
}

/** A host can be shared by many receivers that its paths tell apart, so all but the query counts, templates as written. */
const audienceOf = ({ method, url }: ActionConfig) =>
  `${String(method)} ${originOf(url)}${typeof url === 'string' ? (URL.parse(url)?.pathname ?? '') : ''}`;

const isSuccess = (status: number) => status >= 200 && status <= 299;

export const rest: ActionKind = {
  validate: configCheck(restConfig, faultsOf),
  secretPaths: (config) =>
    Object.keys(restConfig.parse(config).headers ?? {})
      .filter((name) => !PUBLIC_HEADER.test(name))
      .map((name) => ['headers', name]),
  audience: audienceOf,
  endpoint: (config) => originOf(config['url']),
  ...sendingOf({
    schema: restConfig,
    what: 'request',
    longestMs: timeoutOf,
    async render(delivery, config, deps) {
      const { url, method, headers, body } = await restRequest(delivery, config, deps);
      const own = new Set(Object.keys(config.headers ?? {}).map((name) => name.toLowerCase()));
      const shown = Object.entries(headers).map(([name, value]) => {
        const secret = name === 'webhook-signature' || (own.has(name) && !PUBLIC_HEADER.test(name));
        return [name, secret ? MASK : value];
      });
      return { method, url, headers: Object.fromEntries(shown), body: body ?? null };
    },
    async send(delivery, config, deps) {
      const result = await deps.outbound(await restRequest(delivery, config, deps));
      const { expected_status: expected } = config;
      return judge(result, expected ? (status) => expected.includes(status) : isSuccess, deps.clock());
    },
  }),
};
