import type { FieldReader } from '../../http/header-fields.ts';

/** Fields that hold between two neighbours alone (RFC 9110 §7.6.1), beside those that `Connection` names. */
const HOP_BY_HOP: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
];

/** The caller's own credentials: for us, and for the upstream only where `credentials.passOn` says so. */
export const CREDENTIAL_FIELDS: readonly string[] = [
  'authorization',
  'cookie',
  'x-api-key',
  'x-signature',
  'x-timestamp',
];

/**
 * What a caller may not say about itself or about where its request goes: addresses, identities and hosts that upstreams
 * are known to believe, and other methods and paths than those that were routed, limited and permitted here.
 */
const CLAIMS: readonly string[] = [
  'forwarded',
  'x-real-ip',
  'client-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-original-forwarded-for',
  'x-originating-ip',
  'x-proxyuser-ip',
  'x-remote-ip',
  'x-remote-addr',
  'true-client-ip',
  'fastly-client-ip',
  'fly-client-ip',
  'x-client-cert',
  'x-org-id',
  'x-organization-id',
  'x-tenant-id',
  'x-user-id',
  'x-user',
  'x-user-email',
  'x-remote-user',
  'remote-user',
  'x-original-host',
  'x-host',
  'x-http-host-override',
  'x-original-url',
  'x-rewrite-url',
  // CGI makes `HTTP_PROXY` of it, which many clients take for the proxy to use ("httpoxy").
  'proxy',
  // By which some servers know their own inner requests, which skip their checks.
  'x-middleware-subrequest',
  'x-original-method',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
];

/** Families of such fields: of the platform, of proxies before us, and of gateways and clouds that state who the caller is. */
const CLAIM_PREFIXES: readonly string[] = [
  'cf-',
  'x-forwarded-',
  'x-authenticated-',
  'x-auth-request-',
  'x-consumer-',
  'x-weir-',
  'x-webauth-',
  'x-envoy-',
  'x-goog-',
  'x-appengine-',
  'x-azure-',
  'x-ms-client-',
  'x-amzn-oidc-',
  'ssl-client-',
  'x-ssl-',
];

/**
 * What the platform writes for the connection it opens. A `Content-Length` follows from the body that is really sent,
 * and `Expect` has no use where 1xx answers cannot be carried.
 */
const FRAMING: readonly string[] = ['host', 'content-length', 'expect'];

/** Of a WebSocket's handshake, what the platform agrees on by itself on each side; the sub-protocol is the ends' own. */
const HANDSHAKE: readonly string[] = [
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-extensions',
  'sec-websocket-accept',
];

/** Written anew for each call. */
const REWRITTEN: readonly string[] = ['via', 'traceparent', 'tracestate', 'x-request-id'];

/** What an upstream says of its own connection or product, which would be wrong or too much when we said it. */
const UPSTREAM_ONLY: readonly string[] = [
  'server',
  'x-powered-by',
  'x-aspnet-version',
  'x-aspnetmvc-version',
  'x-accel-redirect',
  'x-sendfile',
  'x-lighttpd-send-file',
  // Orders to the caches of the upstream's own, of which this gateway is the last (RFC 9213 §2.1).
  'surrogate-control',
  'cdn-cache-control',
  // Policies for a whole host. The host is ours and shared, and another way to it would lead around the gateway.
  'strict-transport-security',
  'alt-svc',
  'public-key-pins',
  'expect-ct',
  'nel',
  'report-to',
  'clear-site-data',
  'service-worker-allowed',
];

const DROPPED_UP: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  ...CREDENTIAL_FIELDS,
  ...CLAIMS,
  ...FRAMING,
  ...HANDSHAKE,
  ...REWRITTEN,
]);

const DROPPED_DOWN: ReadonlySet<string> = new Set([...HOP_BY_HOP, ...HANDSHAKE, ...UPSTREAM_ONLY]);

const startsWithAny = (name: string, prefixes: readonly string[]) => prefixes.some((prefix) => name.startsWith(prefix));

/** Servers that hand fields over as CGI does (RFC 3875 §4.1.18) read `X_User_Id` as `X-User-Id`; nginx drops it as well. */
const staysHere = (name: string) => DROPPED_UP.has(name) || name.includes('_') || startsWithAny(name, CLAIM_PREFIXES);

/** What was found out about names: callers send the same ones over and over. Of made-up names it keeps no more than this. */
const verdicts = new Map<string, boolean>();
const MAX_VERDICTS = 1_000;
const MAX_REMEMBERED_NAME = 64;

/** Whether a request field (lower case) stays here. */
export function isDroppedUp(name: string): boolean {
  const known = verdicts.get(name);
  if (known !== undefined) return known;
  const verdict = staysHere(name);
  if (name.length > MAX_REMEMBERED_NAME) return verdict;
  if (verdicts.size >= MAX_VERDICTS) verdicts.clear();
  verdicts.set(name, verdict);
  return verdict;
}

/** Says that an answer was made up (sandbox/sandbox.ts): nobody else may say so. */
const SANDBOX = 'x-sandbox';

/** Whether a response field (lower case) stays here. */
export const isDroppedDown = (name: string): boolean =>
  DROPPED_DOWN.has(name) || name === SANDBOX || name.startsWith('cf-');

/** Response fields whose addresses lead through the gateway (location.ts). */
export const HOLDS_ADDRESSES: ReadonlySet<string> = new Set(['location', 'content-location', 'link', 'refresh']);

/** Fields of an upstream that have the names of ours: they go on under `x-upstream-`, so that neither is taken for the other. */
const OURS: ReadonlySet<string> = new Set(['x-request-id', 'ratelimit']);

export const isOurs = (name: string): boolean =>
  OURS.has(name) || name.startsWith('x-ratelimit-') || name.startsWith('ratelimit-');

/** Whether a field's name or value holds what would end it: never sent on (RFC 9110 §5.5). */
export const breaksOut = (value: string): boolean => /[\0\r\n]/.test(value);

const NO_NAMES: ReadonlySet<string> = new Set();

/** The fields that `Connection` names, lower case. */
export function connectionNames(headers: FieldReader): ReadonlySet<string> {
  const connection = headers.get('connection');
  if (connection === null) return NO_NAMES;
  return new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
}

/** Bounds of one message's fields: a Worker takes 128 KB, and most servers 8 to 16 KB a field and 100 fields. */
export const FIELD_LIMITS = { fields: 128, bytes: 64 * 1024 } as const;

/** How much of the bounds one field takes, in characters: its name, value, and what stands between them on the wire. */
export const fieldSize = (name: string, value: string): number => name.length + value.length + 4;

const TCHAR = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;

/** A field's name is a token (RFC 9110 §5.6.2). */
export const isFieldName = (name: string): boolean => TCHAR.test(name);

/** Why a definition may not write this request field (any case) by itself, or nothing. */
export function faultOfRequestField(written: string): string | undefined {
  const name = written.toLowerCase();
  if (!isFieldName(name)) return 'is not the name of a header field';
  if (CREDENTIAL_FIELDS.includes(name)) return 'is a credential: use "credentials", where it is kept encrypted';
  if (HOP_BY_HOP.includes(name) || FRAMING.includes(name) || name === 'content-encoding') {
    return 'belongs to the connection or the framing of the message';
  }
  if (REWRITTEN.includes(name) || name === 'forwarded' || name.startsWith('x-forwarded-') || name.startsWith('cf-')) {
    return 'is written by the gateway itself';
  }
  return undefined;
}

/** What upstreams say of themselves or to caches of theirs, and a definition may say to callers instead. */
const OWN_WORDS: ReadonlySet<string> = new Set(['server', 'surrogate-control', 'cdn-cache-control']);

const OF_THE_CACHE: ReadonlySet<string> = new Set(['age', 'cache-status', 'date']);

/** Why a definition may not write this response field (any case) by itself, or nothing. */
export function faultOfResponseField(written: string): string | undefined {
  const name = written.toLowerCase();
  if (!isFieldName(name)) return 'is not the name of a header field';
  if (HOP_BY_HOP.includes(name) || FRAMING.includes(name) || name === 'content-encoding') {
    return 'belongs to the connection or the framing of the message';
  }
  if (isOurs(name) || OF_THE_CACHE.has(name) || name === 'via' || name === SANDBOX || name.startsWith('cf-')) {
    return 'is written by the gateway itself';
  }
  if (name.startsWith('access-control-')) return 'is written by "cors"';
  // A cookie made here would be one for the whole host: those of upstreams are bound to their API (cookies.ts).
  if (name === 'set-cookie') return 'is written by upstreams alone';
  return isDroppedDown(name) && !OWN_WORDS.has(name) ? 'speaks for a whole host, which APIs share' : undefined;
}

/** Why an upstream's field may not get this name (any case), or nothing: what it holds is not rewritten any more. */
export function faultOfRenamedTo(written: string): string | undefined {
  const rewritten = HOLDS_ADDRESSES.has(written.toLowerCase());
  return rewritten ? 'holds addresses, which are rewritten under that name alone' : faultOfResponseField(written);
}
