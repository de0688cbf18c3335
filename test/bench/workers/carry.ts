import { QUOTA_FIELDS } from './answer.ts';

/**
 * Passes everything on as a gateway must, and knows nothing: header fields of its own in both directions, the caller's key
 * kept back, and a deadline that ends with the caller. What is behind the values is left out, so that they are constants.
 * It is what is left of a gateway in workerd when its decisions cost nothing.
 */

const TO_UPSTREAM = {
  forwarded: 'for=203.0.113.7;host="gateway.test";proto=http',
  'x-forwarded-for': '203.0.113.7',
  'x-forwarded-host': 'gateway.test',
  'x-forwarded-proto': 'http',
  via: '1.1 weir',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02',
  'x-request-id': '0ada6c33-4354-4fcf-acac-c5cd2e618ece',
};

const TO_CALLER = {
  via: '1.1 weir',
  vary: 'X-API-Key, Authorization',
  'x-content-type-options': 'nosniff',
  'x-request-id': '0ada6c33-4354-4fcf-acac-c5cd2e618ece',
  ...QUOTA_FIELDS,
};

const KEPT_BACK: ReadonlySet<string> = new Set(['host', 'x-api-key', 'cf-connecting-ip', 'connection']);
const UPSTREAMS_OWN: ReadonlySet<string> = new Set(['server', 'connection', 'transfer-encoding']);

const DEADLINE_MS = 30_000;

function carried(from: Headers, without: ReadonlySet<string>, own: Record<string, string>): Headers {
  const headers = new Headers();
  for (const [name, value] of from) if (!without.has(name)) headers.append(name, value);
  for (const [name, value] of Object.entries(own)) headers.set(name, value);
  return headers;
}

export default {
  async fetch({ url, method, headers, signal }, env) {
    const deadline = new AbortController();
    const giveUp = () => deadline.abort();
    const timer = setTimeout(giveUp, DEADLINE_MS);
    signal.addEventListener('abort', giveUp);
    const {
      status,
      headers: received,
      body,
    } = await fetch(env.UPSTREAM + url.slice(url.indexOf('/', 8)), {
      ...{ method, headers: carried(headers, KEPT_BACK, TO_UPSTREAM), signal: deadline.signal },
      ...{ redirect: 'manual', encodeResponseBody: 'manual' },
    });
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
    const shown = carried(received, UPSTREAMS_OWN, TO_CALLER);
    return new Response(body, { status, headers: shown, encodeBody: 'manual' });
  },
} satisfies ExportedHandler<{ UPSTREAM: string }>;
