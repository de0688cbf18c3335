import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { registered, transferred } from '../../scripts/demo/emissions.ts';
import { agentLinks } from '../../src/identity/agents/table.ts';
import { auditLogs } from '../../src/telemetry/audit/table.ts';
import { eventIdOf } from '../../src/triggers/ingest/drain.ts';
import { type EventRow, feedStore } from '../../src/triggers/ingest/store.ts';
import type { FeedOperation } from '../../src/triggers/ingest/table.ts';
import { call, type Person, signUp } from '../support/api.ts';
import { database } from '../support/database.ts';
import { type Account, linked, linksOf, loggedIn, lower, newAccount, tryLink, tryLogin } from '../support/wallets.ts';
import { CHAIN_ID, watchOwnChain } from '../support/watched-chain.ts';

const ZERO = '0x0000000000000000000000000000000000000000';

let chain: Awaited<ReturnType<typeof watchOwnChain>>;
let person: Person;
let owner: Account;
let heir: Account;
let agent = 200n;

beforeAll(async () => {
  chain = await watchOwnChain({ confirmations: 3 });
  // The first tick decides where to begin.
  await chain.read();
});

afterAll(() => chain.stop());

beforeEach(async () => {
  person = await signUp();
  owner = newAccount();
  heir = newAccount();
  agent += 1n;
  await chain.setOwner(agent, owner.address);
});

const standing = async () => (await linksOf(person, '&include_revoked=true')).map(({ status }) => status);

/** The agent goes from one owner to another, in a block of its own. */
async function transfer(from: Account, to: Account) {
  await chain.setOwner(agent, to.address);
  return chain.emit(transferred(agent, from.address, to.address));
}

async function mineAndRead(blocks: number) {
  await chain.rpc('anvil_mine', `0x${blocks.toString(16)}`);
  await chain.read();
}

const mayAct = async (token: string) =>
  (await call('GET', `/api/v1/triggers?organization_id=${person.personalOrganizationId}`, { token })).status;

const trailOf = async (linkId: string) =>
  (
    await database()
      .query.select({ action: auditLogs.action, actor: auditLogs.actor })
      .from(auditLogs)
      .where(eq(auditLogs.targetId, linkId))
      .orderBy(auditLogs.seq)
  ).map(({ action, actor }) => `${action} ${actor.split(':')[0]}`);

describe('a linked agent that is transferred', () => {
  it('loses its link: stale at once, revoked at confirmation; and its wallet’s token with it', async () => {
    const link = await linked(person, agent, owner);
    const { token } = await loggedIn(owner);
    expect(await mayAct(token)).toBe(200);
    await transfer(owner, heir);
    await chain.read();
    expect(await standing()).toEqual(['stale']);
    expect(await mayAct(token)).toBe(401);
    expect((await tryLogin(owner)).status).toBe(403);
    await mineAndRead(2);
    expect(await standing()).toEqual(['revoked']);
    expect(await mayAct(token)).toBe(401);
    expect(await linksOf(person)).toEqual([]);
    expect(await trailOf(link.id)).toEqual([
      'agent.link user',
      'wallet.login wallet',
      'agent.stale system',
      'agent.revoke system',
    ]);
  });

  it('gets its link back when a reorganization takes the transfer back', async () => {
    await mineAndRead(1);
    const link = await linked(person, agent, owner);
    const { token } = await loggedIn(owner);
    await transfer(owner, heir);
    await chain.read();
    expect(await standing()).toEqual(['stale']);
    await chain.reorganize(1);
    await chain.setOwner(agent, owner.address);
    await mineAndRead(1);
    expect(await standing()).toEqual(['active']);
    expect(await mayAct(token)).toBe(200);
    expect((await trailOf(link.id)).slice(2)).toEqual(['agent.stale system', 'agent.restore system']);
  });

  it('can be linked by the new owner while the old link is stale, and not by the old one', async () => {
    const buyer = await signUp();
    await linked(person, agent, owner);
    await transfer(owner, heir);
    await chain.read();
    expect((await tryLink(person, agent, owner)).status).toBe(403);
    expect((await linked(buyer, agent, heir)).status).toBe('active');
    expect(await standing()).toEqual(['revoked']);
    await mineAndRead(2);
    expect((await linksOf(buyer)).map(({ status }) => status)).toEqual(['active']);
  });

  it('keeps the new owner’s link when it is read late, with all that went before', async () => {
    await transfer(owner, heir);
    expect((await linked(person, agent, heir)).status).toBe('active');
    await mineAndRead(3);
    expect(await standing()).toEqual(['active']);
  });

  it('loses the new owner’s link when the transfer to them is taken back', async () => {
    await chain.emit(transferred(agent, ZERO, owner.address));
    await mineAndRead(3);
    await transfer(owner, heir);
    await chain.read();
    await linked(person, agent, heir);
    await chain.reorganize(1);
    await mineAndRead(1);
    expect(await standing()).toEqual(['stale']);
  });

  it('does not come back by itself when the agent does, and can be linked again', async () => {
    await linked(person, agent, owner);
    await transfer(owner, heir);
    await transfer(heir, owner);
    await chain.read();
    expect(await standing()).toEqual(['stale']);
    expect((await linked(person, agent, owner)).status).toBe('active');
    await mineAndRead(3);
    expect(await standing()).toEqual(['active', 'revoked']);
  });

  it('is not touched by other events, or by another agent’s transfers', async () => {
    await linked(person, agent, owner);
    await chain.emit(registered(agent, owner.address));
    await chain.emit(transferred(agent + 1_000n, owner.address, heir.address));
    await chain.emit(transferred(agent, owner.address, owner.address));
    await mineAndRead(3);
    expect(await standing()).toEqual(['active']);
  });
});

describe('the record of transfers', () => {
  /** A link that was proved at block 100, and the feed of a chain of which each entry can be written by itself. */
  async function newFeed() {
    const { id } = await linked(person, agent, owner);
    await database().query.update(agentLinks).set({ provenBlock: 100_000_000 }).where(eq(agentLinks.id, id));
    const [end] = [await feedStore(database()).recordedEnd(CHAIN_ID, 64)];
    const now = new Date();
    const row = async (block: number): Promise<EventRow> => {
      const blockHash = `0x${agent}${block}`;
      return {
        id: eventIdOf(CHAIN_ID, { blockHash, logIndex: 0 }),
        ...{ chainId: CHAIN_ID, blockHash, logIndex: 0, blockNumber: block, blockTime: now, transactionHash: '0xaa' },
        ...{ registry: 'identity', address: '0xbb', eventType: 'Transfer', agentId: String(agent) },
        fields: { agent_id: String(agent), from: lower(owner.address), to: lower(heir.address) },
        ...{ topics: [], data: '0x', status: 'observed', recordedAt: now },
      };
    };
    const entries = async (...operations: [FeedOperation, number][]) =>
      Promise.all(
        operations.map(async ([operation, block], at) => {
          const event = await row(block);
          return { event, entry: { seq: end.lastSeq + 1 + at, operation, eventId: event.id } };
        }),
      );
    type Entries = Awaited<ReturnType<typeof entries>>;
    const write = (some: Entries) =>
      feedStore(database()).write({
        chainId: CHAIN_ID,
        events: some.flatMap(({ event, entry }) => (entry.operation === 'event' ? [event] : [])),
        undecoded: [],
        entries: some.map(({ entry }) => entry),
        recordedAt: now,
      });
    return { entries, write };
  }

  const HISTORIES: [string, [FeedOperation, number][], string][] = [
    ['a transfer', [['event', 100_000_001]], 'stale'],
    [
      'a confirmed one',
      [
        ['event', 100_000_001],
        ['confirm', 100_000_001],
      ],
      'revoked',
    ],
    [
      'one that was taken back',
      [
        ['event', 100_000_001],
        ['retract', 100_000_001],
      ],
      'active',
    ],
    [
      'one that was confirmed and taken back',
      [
        ['event', 100_000_001],
        ['confirm', 100_000_001],
        ['retract', 100_000_001],
      ],
      'active',
    ],
    [
      'one that moved to another block',
      [
        ['event', 100_000_001],
        ['retract', 100_000_001],
        ['event', 100_000_002],
        ['confirm', 100_000_002],
      ],
      'revoked',
    ],
  ];

  it.each(HISTORIES)('leads to the same after %s, wherever the batches are cut', async (_, history, expected) => {
    for (let cut = 0; cut <= history.length; cut += 1) {
      agent += 1n;
      await chain.setOwner(agent, owner.address);
      const { entries, write } = await newFeed();
      const all = await entries(...history);
      if (cut > 0) await write(all.slice(0, cut));
      if (cut < history.length) await write(all.slice(cut));
      await write(all);
      expect({ cut, status: (await standing())[0] }).toEqual({ cut, status: expected });
    }
  });

  it('refuses a link by an owner whose transfer away is recorded already', async () => {
    const { entries, write } = await newFeed();
    await write(await entries(['event', 100_000_001]));
    expect(await tryLink(person, agent, owner)).toMatchObject({
      status: 403,
      body: { message: 'Wallet does not own this agent NFT' },
    });
  });
});
