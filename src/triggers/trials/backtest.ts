import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import { rfc3339 } from '../../kernel/clock.ts';
import { AppError, invalidField } from '../../kernel/errors.ts';
import type { Rule } from '../matching/rule.ts';
import { countLog, type Range, recordedChains } from './range-store.ts';
import { type PastFire, type ReplayBounds, ReplayTooLarge, replay } from './replay.ts';
import { findSubject, ruleOnTrial, type Subject } from './subject.ts';

interface RangeInput {
  from_block?: number | undefined;
  to_block?: number | undefined;
  from?: Date | undefined;
  to?: Date | undefined;
  chain_id?: number | undefined;
}

const MAX_EVENTS = 100_000;
const MAX_STREAMED = 1_000_000;
const MAX_ITEMS = 1_000;

/** Of a back-test over all of its chains; the work is some ten seconds of patterns at their worst. */
const BOUNDS: ReplayBounds = { memories: 50_000, items: 300_000, work: 400_000_000 };

/**
 * @throws AppError `validation_failed` for a range that is none or too long; `bad_request` for a trigger that remembers or
 * searches too much over it
 */
export async function backtest(
  ctx: OrganizationCtx,
  triggerId: string,
  input: RangeInput,
  bounds: ReplayBounds = BOUNDS,
) {
  permit(ctx, 'triggers:read');
  const { rule, ranges } = await prepare(ctx, triggerId, input);
  if (await holdMore(ctx, ranges, MAX_EVENTS)) {
    throw invalidField('from', `the range holds more than ${MAX_EVENTS} events; take a shorter one, or the stream`);
  }
  const items: FireWire[] = [];
  let summary = EMPTY;
  for await (const message of messages(ctx, rule, ranges, bounds)) {
    if (message.type === 'stopped') throw new AppError('bad_request', message.reason);
    if (message.type === 'result') summary = message;
    else if (message.type === 'fire' && items.length < MAX_ITEMS) items.push(message);
  }
  const { type: _, ...data } = summary;
  const shown = items.map(({ type: __, ...item }) => item);
  return { data: { ...data, items: shown, truncated: data.fires > shown.length } };
}

/**
 * The same as messages, one after the other; the last says the result, or why there is none.
 * @throws AppError `validation_failed` for a range that is none or too long
 */
export async function backtestMessages(
  ctx: OrganizationCtx,
  triggerId: string,
  input: RangeInput,
  bounds: ReplayBounds & { events?: number } = BOUNDS,
) {
  permit(ctx, 'triggers:read');
  const { rule, ranges } = await prepare(ctx, triggerId, input);
  const most = bounds.events ?? MAX_STREAMED;
  if (await holdMore(ctx, ranges, most)) {
    throw invalidField('from', `the range holds more than ${most} events; take a shorter one`);
  }
  return messages(ctx, rule, ranges, bounds);
}

/** Whether there are more events in all of the ranges; counted no further. */
async function holdMore(ctx: OrganizationCtx, ranges: readonly Range[], most: number): Promise<boolean> {
  let left = most;
  for (const range of ranges) {
    left -= await countLog(ctx.db.query, range, left + 1);
    if (left < 0) return true;
  }
  return false;
}

type Message = Progress | FireWire | Summary | Stopped;
type FireWire = ReturnType<typeof fireToWire>;

interface Progress {
  type: 'progress';
  events: number;
  block_number: number | null;
}

interface Summary {
  type: 'result';
  events: number;
  fires: number;
  first_at: string | null;
  last_at: string | null;
}

interface Stopped {
  type: 'stopped';
  reason: string;
}

const EMPTY: Summary = { type: 'result', events: 0, fires: 0, first_at: null, last_at: null };

async function* messages(
  ctx: OrganizationCtx,
  rule: Rule | undefined,
  ranges: readonly Range[],
  bounds: ReplayBounds,
): AsyncGenerator<Message, void, undefined> {
  try {
    yield* found(ctx, rule, ranges, bounds);
  } catch (error) {
    if (!(error instanceof ReplayTooLarge)) throw error;
    yield { type: 'stopped', reason: `${error.message}; take a shorter range, or narrow the trigger` };
  }
}

async function* found(
  ctx: OrganizationCtx,
  rule: Rule | undefined,
  ranges: readonly Range[],
  bounds: ReplayBounds,
): AsyncGenerator<Message, void, undefined> {
  const work = { spent: 0 };
  let summary = EMPTY;
  for (const range of rule ? ranges : []) {
    const before = summary.events;
    if (!rule) break;
    for await (const { events, last, fires } of replay(ctx.db.query, rule, range, { bounds, work })) {
      for (const fire of fires) {
        const message = fireToWire(fire);
        summary = withFire(summary, message.at);
        yield message;
      }
      summary = { ...summary, events: before + events };
      yield { type: 'progress', events: summary.events, block_number: last?.blockNumber ?? null };
    }
  }
  yield summary;
}

const withFire = (summary: Summary, at: string): Summary => ({
  ...summary,
  fires: summary.fires + 1,
  first_at: summary.first_at === null || at < summary.first_at ? at : summary.first_at,
  last_at: summary.last_at === null || at > summary.last_at ? at : summary.last_at,
});

const fireToWire = ({ fire, event, at }: PastFire) => ({
  type: 'fire' as const,
  at: rfc3339(new Date(at * 1_000)),
  event_id: event.id,
  event_type: event.eventType,
  chain_id: event.chainId,
  block_number: event.blockNumber,
  agent_id: event.agentId,
  values: { ...fire.state },
});

async function prepare(ctx: OrganizationCtx, triggerId: string, input: RangeInput) {
  refuseStrange(input);
  const subject = await findSubject(ctx, triggerId);
  const rule = ruleOnTrial(subject.stored);
  const chains = await chainsOf(ctx, subject, input.chain_id);
  const statuses = rule?.firesOn === 'event' ? (['observed', 'confirmed'] as const) : (['confirmed'] as const);
  const now = ctx.clock();
  const ranges = chains.map(
    (chainId): Range => ({
      chainId,
      registry: subject.trigger.registry,
      statuses,
      fromBlock: input.from_block,
      toBlock: input.to_block,
      from: input.from,
      // What has not happened yet cannot have been waited for.
      to: input.to && input.to > now ? now : input.to,
    }),
  );
  return { rule, ranges };
}

function refuseStrange({ from_block, to_block, from, to }: RangeInput): void {
  if (from_block === undefined && from === undefined) throw invalidField('from_block', 'this or "from" is needed');
  if (from_block !== undefined && from !== undefined) throw invalidField('from', 'must not be given beside from_block');
  if (to_block !== undefined && to !== undefined) throw invalidField('to', 'must not be given beside to_block');
  if (from_block !== undefined && to_block !== undefined && to_block < from_block) {
    throw invalidField('to_block', 'must not be before from_block');
  }
  if (from && to && to < from) throw invalidField('to', 'must not be before from');
}

/** A block's number says nothing without its chain. */
async function chainsOf(ctx: OrganizationCtx, { trigger }: Subject, named: number | undefined): Promise<number[]> {
  if (trigger.chainId !== null) {
    if (named === undefined || named === trigger.chainId) return [trigger.chainId];
    throw new AppError('bad_request', `The trigger is of chain ${trigger.chainId}`);
  }
  return named === undefined ? recordedChains(ctx.db.query) : [named];
}
