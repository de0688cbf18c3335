import { waitUntil } from 'cloudflare:workers';
import { Hono } from 'hono';
import type { EdgeKey, EdgeSnapshot } from '../../../src/access/edge.ts';
import type { AppEnv } from '../../../src/http/app-env.ts';
import { withQuotaFields } from '../../../src/http/quota-fields.ts';
import { resolveKey } from '../../../src/identity/api-keys/authenticate.ts';
import { type KeySecrets, mintKey } from '../../../src/identity/api-keys/key.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { utf8 } from '../../../src/kernel/crypto.ts';
import { newId, newUuid } from '../../../src/kernel/id.ts';
import { createQuotaClient, type QuotaClient } from '../../../src/quota/client.ts';
import { isLimited } from '../../../src/quota/edge-state.ts';
import { organizationQuotaObject } from '../../../src/quota/object.ts';
import { type OrganizationObject, organizationObject } from '../../../src/quota/organization.ts';
import { refusalError } from '../../../src/quota/verdict.ts';
import { createLogger } from '../../../src/telemetry/log.ts';
import { ANSWER, PATH } from './answer.ts';

/**
 * A route behind Weir's admission: the product's key check, client and object, wired as src/context-quota.ts wires them.
 * What the object tells the database goes nowhere, as no database is compared here.
 */
interface Bindings extends Env {
  KEY_SECRET: string;
}

const nowhere = async () => undefined;

export class OrganizationQuota extends organizationQuotaObject(() => ({
  clock: systemClock,
  log: createLogger(),
  recordUses: nowhere,
  recordWindow: nowhere,
  recordEvent: nowhere,
})) {}

/** Calls to the object since this isolate started. */
let hops = 0;

/** The types of RPC make lists of tuples; what travels is what the object answered. */
const stubOf = (env: Env, id: string) => env.ORGANIZATION_QUOTA.getByName(id) as unknown as OrganizationObject;

let client: QuotaClient | undefined;

function clientOf(env: Env): QuotaClient {
  client ??= createQuotaClient({
    clock: systemClock,
    log: createLogger(),
    objectOf(id) {
      hops += 1;
      return organizationObject(() => stubOf(env, id));
    },
    publish: () => Promise.reject(new Error('every organization of the benchmark is published beforehand')),
    background: waitUntil,
    wait: (milliseconds) => scheduler.wait(milliseconds),
  });
  return client;
}

let secrets: KeySecrets | undefined;

const secretsOf = ({ KEY_SECRET }: Bindings) => {
  secrets ??= [utf8(KEY_SECRET)];
  return secrets;
};

const charge = { units: 1, tier: 0 } as const;

const app = new Hono<AppEnv & { Bindings: Bindings }>();

app.get(PATH, withQuotaFields(systemClock), async (c) => {
  const { env } = c;
  const use = { address: '127.0.0.1', method: c.req.method, path: c.req.path };
  const deps = {
    keySecrets: secretsOf(env),
    async admit(organizationId: string, hash: string) {
      const verdict = await clientOf(env).admit(organizationId, { drawer: { kind: 'key', hash }, charge, use });
      if ('status' in verdict && verdict.status) c.set('quota', verdict.status);
      if (!verdict.ok) throw refusalError(verdict);
      const { key, giveBack } = verdict;
      if (!key) throw new Error('a key was admitted and not told');
      return { key: { ...key, limited: isLimited(key) }, admission: { giveBack } };
    },
  };
  const { caller } = await resolveKey(deps, c.req.header('X-API-Key') ?? '');
  c.set('principal', caller);
  return c.json(ANSWER);
});

/** Makes an organization with one key and this plan, and answers with the key. */
app.post('/organization', async (c) => {
  const plan = await c.req.json<EdgeSnapshot['plan']>();
  const organizationId = newUuid();
  const { text, hash } = await mintKey(secretsOf(c.env), 'live', organizationId);
  const limits = { expiresAt: null, ipAllowlist: null, endpoints: null, methods: null, rateLimitOverride: null };
  const who = { id: newId('key'), hash, userId: newUuid() };
  const key: EdgeKey = { ...who, ...limits, environment: 'live', type: 'standard', permissions: ['read'] };
  await stubOf(c.env, organizationId).publish({
    organizationId,
    version: 1,
    deleted: false,
    plan,
    keys: [key],
    limits: [],
  });
  return c.text(text);
});

app.get('/hops', (c) => c.text(String(hops)));

export default app;
