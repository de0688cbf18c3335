import { env } from 'cloudflare:workers';
import { eq } from 'drizzle-orm';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { EdgeSnapshot } from '../../src/access/edge.ts';
import { publisherDeps } from '../../src/context-quota.ts';
import { apiKeys } from '../../src/identity/api-keys/table.ts';
import { type PublisherDeps, publishOrganization } from '../../src/identity/edge/publisher.ts';
import { bumpEdge, markGateway, takeBehind } from '../../src/identity/edge/store.ts';
import { publishBehind } from '../../src/identity/edge/sweep.ts';
import { organizationEdges } from '../../src/identity/edge/table.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { runSchedule } from '../../src/schedule.ts';
import type { Logger } from '../../src/telemetry/log.ts';
import { OrganizationQuota } from '../../src/worker.ts';
import { call, expectOk, type Person, signUp } from '../support/api.ts';
import { database } from '../support/database.ts';
import { snapshotOf } from '../support/quota.ts';
import { manyKeys, newKey } from './api-keys-fixture.ts';

const silent: Logger = { info: () => {}, warn: () => {}, error: () => {} };

const publisher = (fields: Partial<PublisherDeps> = {}): PublisherDeps => ({
  ...{ ...publisherDeps(env), log: silent, wait: async () => undefined },
  ...fields,
});

const { send } = publisher();

const sweep = () => publishBehind({ ...publisher(), clock: systemClock });

const edgeOf = async (organizationId: string) => {
  const rows = await database()
    .query.select({ version: organizationEdges.version, acked: organizationEdges.acked })
    .from(organizationEdges)
    .where(eq(organizationEdges.organizationId, organizationId));
  return rows[0];
};

const statusWith = async (key: string | undefined) =>
  (await call('GET', '/api/v1/triggers', { headers: { 'X-API-Key': key ?? '' } })).status;

/** A revocation that is committed and of which nobody was told, as when the Worker dies at that moment. */
const revokeSilently = (organizationId: string) =>
  database().transaction(async (tx) => {
    await tx.update(apiKeys).set({ revokedAt: new Date() }).where(eq(apiKeys.organizationId, organizationId));
    await bumpEdge(tx, organizationId);
  });

const revoke = (person: Person, id: string) => call('DELETE', `/api/v1/api-keys/${id}`, { token: person.token });

/** An isolate asks again about a key that was no good when two seconds have passed. */
const twoSecondsLater = () => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2_000 });

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('publishing an organization', () => {
  it('brings its object to the committed version and notes that.', async () => {
    const person = await signUp();
    const organizationId = person.personalOrganizationId;
    const { key } = await newKey(person);
    const edge = await edgeOf(organizationId);
    expect(edge?.acked).toBe(edge?.version);
    await revokeSilently(organizationId);
    expect(await statusWith(key)).toBe(200);
    await publishOrganization(publisher(), organizationId);
    expect(await statusWith(key)).toBe(401);
    const next = (edge?.version ?? 0) + 1;
    expect(await edgeOf(organizationId)).toEqual({ version: next, acked: next });
  });

  it('does nothing for an organization that never had anything to publish.', async () => {
    const sent = vi.fn<PublisherDeps['send']>();
    await publishOrganization(publisher({ send: sent }), crypto.randomUUID());
    expect(sent).not.toHaveBeenCalled();
  });

  it('leaves the newer state when publications arrive in the wrong order.', async () => {
    const person = await signUp();
    const organizationId = person.personalOrganizationId;
    const { key } = await newKey(person);
    const late = Promise.withResolvers<void>();
    const read = Promise.withResolvers<void>();
    await database().transaction((tx) => bumpEdge(tx, organizationId));
    const older = publishOrganization(
      publisher({
        send: async (snapshot: EdgeSnapshot) => {
          read.resolve();
          await late.promise;
          return send(snapshot);
        },
      }),
      organizationId,
    );
    await read.promise;
    await revokeSilently(organizationId);
    await publishOrganization(publisher(), organizationId);
    late.resolve();
    await older;
    expect(await statusWith(key)).toBe(401);
    const edge = await edgeOf(organizationId);
    expect(edge?.acked).toBe(edge?.version);
  });

  it('goes past what the object holds when the database was set back to a backup.', async () => {
    const person = await signUp();
    const organizationId = person.personalOrganizationId;
    const { key } = await newKey(person);
    await send(snapshotOf({ organizationId, version: 1_000 }));
    expect(await statusWith(key)).toBe(401);
    await publishOrganization(publisher(), organizationId);
    twoSecondsLater();
    expect(await statusWith(key)).toBe(200);
    expect(await edgeOf(organizationId)).toEqual({ version: 1_001, acked: 1_001 });
  });

  it('succeeds when the object has it, even if that cannot be noted.', async () => {
    const person = await signUp();
    const organizationId = person.personalOrganizationId;
    await newKey(person);
    const db = database();
    const query = new Proxy(db.query, {
      get: (target, name) => {
        if (name === 'update') throw new Error('the database is gone');
        return Reflect.get(target, name);
      },
    });
    await database().transaction((tx) => bumpEdge(tx, organizationId));
    const version = (await edgeOf(organizationId))?.version ?? 0;
    await publishOrganization(publisher({ db: { ...db, query } }), organizationId);
    expect(await edgeOf(organizationId)).toEqual({ version, acked: version - 1 });
  });
});

describe('publishing what the data plane is told', () => {
  /** A change of the registered APIs that is committed and of which nobody was told. */
  const changeGateway = (organizationId: string) =>
    database().transaction(async (tx) => {
      await bumpEdge(tx, organizationId);
      await markGateway(tx, organizationId);
    });

  /** A publisher that reads these parts, and what it sends: versions, and how many parts go along. */
  function watched(parts: string[], fields: Partial<PublisherDeps> = {}) {
    const sent: unknown[] = [];
    const deps = publisher({
      gatewayOf: async () => parts,
      ...fields,
      send(snapshot) {
        const { version, gateway } = snapshot;
        sent.push([version, gateway && [gateway.version, gateway.parts?.length ?? null]]);
        return (fields.send ?? send)(snapshot);
      },
    });
    return { deps, sent };
  }

  const heldBy = (organizationId: string, known = -1) =>
    env.ORGANIZATION_QUOTA.getByName(organizationId).gateway(known);

  it('sends nothing of it for an organization that has never registered an API.', async () => {
    const organizationId = crypto.randomUUID();
    await database().transaction((tx) => bumpEdge(tx, organizationId));
    const gatewayOf = vi.fn<PublisherDeps['gatewayOf']>();
    const { deps, sent } = watched([], { gatewayOf });
    await publishOrganization(deps, organizationId);
    expect(sent).toEqual([[1, undefined]]);
    expect(gatewayOf).not.toHaveBeenCalled();
  });

  it('sends the parts along once the object has said that it lacks them, and not with other changes.', async () => {
    const organizationId = crypto.randomUUID();
    await changeGateway(organizationId);
    const { deps, sent } = watched(['head', 'api']);
    await publishOrganization(deps, organizationId);
    await database().transaction((tx) => bumpEdge(tx, organizationId));
    await publishOrganization(deps, organizationId);
    expect(sent).toEqual([
      [1, [1, null]],
      [1, [1, 2]],
      [2, [1, null]],
    ]);
    expect(await heldBy(organizationId)).toEqual({ version: 1, parts: ['head', 'api'] });
    expect(await edgeOf(organizationId)).toEqual({ version: 2, acked: 2 });
  });

  it('leaves the newer APIs when publications arrive in the wrong order.', async () => {
    const organizationId = crypto.randomUUID();
    await changeGateway(organizationId);
    const late = Promise.withResolvers<void>();
    const ready = Promise.withResolvers<void>();
    const older = watched(['older'], {
      async send(snapshot) {
        if (snapshot.gateway?.parts) {
          ready.resolve();
          await late.promise;
        }
        return send(snapshot);
      },
    });
    const publishing = publishOrganization(older.deps, organizationId);
    await ready.promise;
    await changeGateway(organizationId);
    await publishOrganization(watched(['newer']).deps, organizationId);
    late.resolve();
    await publishing;
    expect(await heldBy(organizationId)).toEqual({ version: 2, parts: ['newer'] });
    expect(await edgeOf(organizationId)).toEqual({ version: 2, acked: 2 });
  });

  it('brings isolates what the database has after it was set back to a backup.', async () => {
    const organizationId = crypto.randomUUID();
    await send(snapshotOf({ organizationId, version: 1_000, gateway: { version: 900, parts: ['lost'] } }));
    await changeGateway(organizationId);
    await publishOrganization(watched(['restored']).deps, organizationId);
    expect(await heldBy(organizationId, 900)).toEqual({ version: 1_001, parts: ['restored'] });
    expect(await edgeOf(organizationId)).toEqual({ version: 1_001, acked: 1_001 });
  });

  it('is not waited for, and takes the parts away, when the organization is deleted.', async () => {
    const organizationId = crypto.randomUUID();
    await changeGateway(organizationId);
    await publishOrganization(watched(['head']).deps, organizationId);
    await database().transaction((tx) => bumpEdge(tx, organizationId, { deleted: true }));
    const { deps, sent } = watched(['head']);
    await publishOrganization(deps, organizationId);
    expect(sent).toEqual([[2, [1, null]]]);
    expect(await heldBy(organizationId)).toMatchObject({ parts: [] });
  });
});

describe('an object that cannot be reached', () => {
  it('makes a revocation answer 503, committed, and the sweep brings it into force.', async () => {
    const person = await signUp();
    const { id, key } = await newKey(person);
    const broken = vi.spyOn(OrganizationQuota.prototype, 'publish').mockRejectedValue(new Error('no such machine'));
    const answer = await revoke(person, id);
    expect(answer).toMatchObject({ status: 503, body: { error: 'service_unavailable' } });
    expect(answer.headers.get('Retry-After')).toBe('5');
    const shown = await call('GET', `/api/v1/api-keys/${id}`, { token: person.token });
    expect(shown.body).toMatchObject({ data: { is_revoked: true } });
    expect(await statusWith(key)).toBe(200);
    expect(await sweep()).toBeGreaterThanOrEqual(1);
    broken.mockRestore();
    expect(await sweep()).toBe(0);
    expect(await statusWith(key)).toBe(401);
  });
});

describe('the sweep', () => {
  it('publishes what was committed by a Worker that died before it could, as cron runs it.', async () => {
    const people = await Promise.all([signUp(), signUp(), signUp()]);
    const keys = await Promise.all(people.map(async (person) => (await manyKeys(person, 2))[0]?.key));
    expect(await Promise.all(keys.map(statusWith))).toEqual([401, 401, 401]);
    await runSchedule('* * * * *', env);
    twoSecondsLater();
    expect(await Promise.all(keys.map(statusWith))).toEqual([200, 200, 200]);
    await Promise.all(people.map((person) => revokeSilently(person.personalOrganizationId)));
    await runSchedule('* * * * *', env);
    expect(await Promise.all(keys.map(statusWith))).toEqual([401, 401, 401]);
  });

  it('finds nothing when all is published.', async () => {
    await sweep();
    expect(await takeBehind(database().query, 10, new Date())).toEqual([]);
  });

  it('takes those first that it did not try for longest, so that some that fail do not hold up the rest.', async () => {
    await sweep();
    const ids = Array.from({ length: 3 }, () => crypto.randomUUID());
    await database().transaction(async (tx) => {
      for (const id of ids) await bumpEdge(tx, id);
    });
    const { query } = database();
    const first = await takeBehind(query, 2, new Date(1_000));
    const second = await takeBehind(query, 2, new Date(2_000));
    expect(first).toHaveLength(2);
    expect(second).toContain(ids.find((id) => !first.includes(id)));
    expect(await takeBehind(query, 1, new Date(3_000))).toEqual([first.find((id) => !second.includes(id))]);
    expect(await sweep()).toBe(0);
  });

  it('publishes a deleted organization as one without keys.', async () => {
    const person = await signUp();
    const organizationId = person.personalOrganizationId;
    const { key } = await newKey(person);
    await database().transaction(async (tx) => bumpEdge(tx, organizationId, { deleted: true }));
    expect(await sweep()).toBe(0);
    expect(await statusWith(key)).toBe(401);
    await database().transaction(async (tx) => bumpEdge(tx, organizationId));
    expect(await sweep()).toBe(0);
    expect(await statusWith(key)).toBe(401);
  });
});

describe('the version of an organization', () => {
  it('goes up by one with every change, also when many happen at once.', async () => {
    const organizationId = crypto.randomUUID();
    await Promise.all(Array.from({ length: 10 }, () => database().transaction((tx) => bumpEdge(tx, organizationId))));
    expect(await edgeOf(organizationId)).toEqual({ version: 10, acked: 0 });
  });

  it('goes up with every key that is made, rotated or revoked, and not when that fails.', async () => {
    const person = await signUp();
    const version = async () => (await edgeOf(person.personalOrganizationId))?.version ?? 0;
    const start = await version();
    const { id } = await newKey(person);
    const path = `/api/v1/api-keys/${id}/rotate`;
    const { data } = await expectOk<{ data: { id: string } }>(200, call('POST', path, { token: person.token }));
    await expectOk(200, revoke(person, data.id));
    expect(await version()).toBe(start + 3);
    await expectOk(400, revoke(person, data.id));
    expect(await version()).toBe(start + 3);
    expect((await edgeOf(person.personalOrganizationId))?.acked).toBe(start + 3);
  });
});
