import { Hono } from 'hono';
import type { EdgePlan } from '../../../src/access/edge.ts';
import type { AppEnv } from '../../../src/http/app-env.ts';
import { withQuotaFields } from '../../../src/http/quota-fields.ts';
import { resolveKey } from '../../../src/identity/api-keys/authenticate.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { newUuid } from '../../../src/kernel/id.ts';
import { isLimited } from '../../../src/quota/edge-state.ts';
import { refusalError } from '../../../src/quota/verdict.ts';
import { ANSWER, PATH } from './answer.ts';
import { publishOrganization, type QuotaBindings, quotaOf } from './wiring.ts';

export { OrganizationQuota } from './wiring.ts';

/** A route behind Weir's admission. */

const charge = { units: 1, tier: 0 } as const;

const app = new Hono<AppEnv & { Bindings: QuotaBindings }>();

app.get(PATH, withQuotaFields(systemClock), async (c) => {
  const { client, keySecrets } = quotaOf(c.env);
  const use = { address: '127.0.0.1', method: c.req.method, path: c.req.path };
  const deps = {
    keySecrets,
    async admit(organizationId: string, hash: string) {
      const verdict = await client.admit(organizationId, { drawer: { kind: 'key', hash }, charge, use });
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
app.post('/organization', async (c) =>
  c.text(await publishOrganization(c.env, newUuid(), await c.req.json<EdgePlan>())),
);

app.get('/hops', (c) => c.text(String(quotaOf(c.env).hops())));

export default app;
