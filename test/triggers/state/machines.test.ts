import { describe, expect, it } from 'vitest';
import type { EventFields } from '../../../src/chain/events.ts';
import type { FeedEntry } from '../../../src/triggers/matching/batch.ts';
import { compileCondition } from '../../../src/triggers/matching/conditions.ts';
import { compileTrigger, type StoredCondition } from '../../../src/triggers/matching/rule.ts';
import { RuleIndex } from '../../../src/triggers/matching/rule-index.ts';
import { sampleEvent, sampleTrigger } from '../matching/samples.ts';
import { Live } from './live.ts';

const START = Date.parse('2026-03-01T12:00:00Z');

type Config = StoredCondition['config'];

const stateful = (condition_type: string, operator: string, value: string, config: Config = null, field = 'score') => ({
  condition_type,
  field,
  operator,
  value,
  config,
});

/** What happens: after how many seconds, and the fields of the event; or only that time has passed. */
type Happening = readonly [after: number, fields: EventFields | 'time'];

const score = (value: number | string, agent = '7'): EventFields => ({ score: String(value), agent_id: agent });

/** Which of the happenings made the trigger fire, by their position; those that time made, as `after@…` of the chain. */
function firesOf(conditions: readonly ReturnType<typeof stateful>[], happenings: readonly Happening[]): string[] {
  const compiled = compileTrigger(
    sampleTrigger({ conditions: conditions.map((condition, id) => ({ id: id + 1, ...condition })) }),
  );
  if (compiled.state !== 'active') throw new Error(JSON.stringify(compiled));
  const index = new RuleIndex();
  index.put(compiled.rule);
  const live = new Live(index);
  for (const [position, [after, fields]] of happenings.entries()) {
    if (fields === 'time') {
      live.batch([], START / 1_000 + after);
      continue;
    }
    const blockTime = new Date(START + after * 1_000);
    const event = sampleEvent({ fields, blockTime, logIndex: position }, `#${position}`);
    const entry: FeedEntry = { seq: position, operation: 'confirm', appearance: 0, event };
    live.batch([entry]);
  }
  return live.fires.map(({ eventId, groupKey }) => {
    const due = /@\d+:(\d+)$/.exec(groupKey)?.[1];
    return due === undefined ? eventId : `${eventId}+${Number(due) - START / 1_000}`;
  });
}

describe('ema_threshold', () => {
  it('moves by 2/(N+1) of the way to each value, from the first on, and is compared exactly.', () => {
    const below = stateful('ema_threshold', 'lt', '70', { window_size: 3 });
    // 100, (100+40)/2 = 70, (70+69)/2 = 69.5
    expect(
      firesOf(
        [below],
        [
          [0, score(100)],
          [1, score(40)],
          [2, score(69)],
        ],
      ),
    ).toEqual(['#2']);
    expect(
      firesOf(
        [stateful('ema_threshold', '=', '70', { window_size: 3 })],
        [
          [0, score(100)],
          [1, score(40)],
        ],
      ),
    ).toEqual(['#1']);
  });

  it('keeps each agent apart, or takes them together where the scope says so.', () => {
    const happenings: Happening[] = [
      [0, score(10, '1')],
      [1, score(90, '2')],
      [2, score(90, '2')],
    ];
    const high = (config: Config) => stateful('ema_threshold', 'gte', '90', { window_size: 1, ...config });
    expect(firesOf([stateful('ema_threshold', 'gte', '80', { window_size: 3 })], happenings)).toEqual(['#1', '#2']);
    expect(firesOf([stateful('ema_threshold', 'gte', '80', { window_size: 3, scope: 'trigger' })], happenings)).toEqual(
      [],
    );
    expect(firesOf([high({})], happenings)).toEqual(['#1', '#2']);
  });

  it('is left as it is by events without the field.', () => {
    const rule = stateful('ema_threshold', 'lt', '50', { window_size: 1 });
    expect(
      firesOf(
        [rule],
        [
          [0, score(40)],
          [1, { agent_id: '7', score: null }],
          [2, score(60)],
        ],
      ),
    ).toEqual(['#0']);
  });
});

describe('count', () => {
  it('counts the events of the span that ends with each, by the time of the chain.', () => {
    const rule = stateful('count', 'gte', '3', { time_window: '10s' });
    const at = [0, 4, 9, 10, 14, 30].map((after): Happening => [after, score(1)]);
    // At 10 the first is as old as the span: 4, 9, 10. At 14: 9, 10, 14.
    expect(firesOf([rule], at)).toEqual(['#2', '#3', '#4']);
  });

  it('begins anew with each fire where it is to be reset.', () => {
    const rule = stateful('rate_limit', '>=', '2', { time_window: '1h', reset_on_trigger: true });
    expect(
      firesOf(
        [rule],
        [0, 1, 2, 3, 4].map((after) => [after, score(1)] as const),
      ),
    ).toEqual(['#1', '#3']);
  });

  it('takes the other comparisons too.', () => {
    const few = stateful('count', 'lt', '2', { time_window: '10s' });
    expect(
      firesOf(
        [few],
        [
          [0, score(1)],
          [1, score(1)],
          [20, score(1)],
        ],
      ),
    ).toEqual(['#0', '#2']);
  });
});

describe('distinct_count', () => {
  it('counts the values that the field had in the span.', () => {
    const rule = stateful('distinct_count', 'gte', '2', { time_window: '10s' }, 'client_address');
    const from = (digit: string): EventFields => ({ client_address: `0x${digit.repeat(40)}`, agent_id: '7' });
    const happenings: Happening[] = [
      [0, from('a')],
      [1, from('a')],
      [2, from('b')],
      [11, from('b')],
      [12, from('c')],
    ];
    expect(firesOf([rule], happenings)).toEqual(['#2', '#4']);
  });
});

describe('rate_of_change', () => {
  it('compares with the oldest value of the span, as a difference or in per cent.', () => {
    const happenings: Happening[] = [
      [0, score(80)],
      [5, score(70)],
      [9, score(60)],
      [14, score(60)],
    ];
    expect(firesOf([stateful('rate_of_change', 'lte', '-20', { time_window: '10s' })], happenings)).toEqual(['#2']);
    const percent = stateful('rate_of_change', 'lt', '-12.4', { time_window: '10s', percent: true });
    // -12.5 %, -25 %, and 60 after 70 is -14.28… %
    expect(firesOf([percent], happenings)).toEqual(['#1', '#2', '#3']);
  });
});

describe('threshold_crossing', () => {
  it('tells once, and again only after the value has come back past the level that clears it.', () => {
    const rule = stateful('threshold_crossing', 'lt', '50', { clear: '60' });
    const values = [70, 49, 55, 49, 60, 49, 70];
    expect(
      firesOf(
        [rule],
        values.map((value, after) => [after, score(value)] as const),
      ),
    ).toEqual(['#1', '#5']);
  });
});

describe('absence', () => {
  it('tells once of each silence, when it has lasted long enough, about the event before it.', () => {
    const rule = stateful('absence', 'equals', '1', { time_window: '10m' });
    const happenings: Happening[] = [
      [0, score(1)],
      [599, 'time'],
      [600, 'time'],
      [700, 'time'],
      [800, score(1)],
      [2_000, score(1)],
    ];
    expect(firesOf([rule], happenings)).toEqual(['#0+600', '#4+1400']);
  });
});

describe('sustained', () => {
  it('tells when the comparison has held for the span, and not if it stopped in between.', () => {
    const rule = stateful('sustained', 'lt', '50', { for: '10m' });
    const happenings: Happening[] = [
      ...([
        [0, score(40)],
        [300, score(60)],
        [400, score(45)],
        [700, score(41)],
        [900, score(10)],
      ] as const),
      ...([
        [1_100, score(20)],
        [1_200, score(80)],
        [5_000, 'time'],
      ] as const),
    ];
    expect(firesOf([rule], happenings)).toEqual(['#2+1000']);
  });
});

describe('cooldown and max_fires', () => {
  const every = (seconds: number, times: number) =>
    Array.from({ length: times }, (_, n): Happening => [n * seconds, score(1)]);

  it('hold the trigger back after it has fired, for all agents together unless it is said otherwise.', () => {
    expect(firesOf([stateful('cooldown', 'equals', '1', { time_window: '10s' })], every(4, 7))).toEqual([
      '#0',
      '#3',
      '#6',
    ]);
    expect(firesOf([stateful('max_fires', 'equals', '2', { time_window: '10s' })], every(2, 9))).toEqual([
      '#0',
      '#1',
      '#5',
      '#6',
    ]);
    const two: Happening[] = [
      [0, score(1, '1')],
      [1, score(1, '2')],
      [2, score(1, '1')],
    ];
    expect(firesOf([stateful('cooldown', 'equals', '1', { time_window: '1h' })], two)).toEqual(['#0']);
    expect(firesOf([stateful('cooldown', 'equals', '1', { time_window: '1h', scope: 'agent' })], two)).toEqual([
      '#0',
      '#1',
    ]);
  });

  it('count only what fires: what the other conditions keep back uses nothing up.', () => {
    const low = { condition_type: 'field', field: 'score', operator: 'lt', value: '50', config: null };
    const rule = stateful('count', 'gte', '2', { time_window: '1h' });
    const gate = stateful('max_fires', 'equals', '1', { time_window: '1h' });
    expect(
      firesOf(
        [low, rule, gate],
        [
          [0, score(60)],
          [1, score(1)],
          [2, score(2)],
          [3, score(3)],
        ],
      ),
    ).toEqual(['#2']);
  });

  it('hold back what time makes, too.', () => {
    const silence = stateful('absence', 'equals', '1', { time_window: '10s' });
    const gate = stateful('cooldown', 'equals', '1', { time_window: '1m' });
    const happenings: Happening[] = [
      [0, score(1)],
      [20, score(1)],
      [60, score(1)],
      [100, 'time'],
    ];
    expect(firesOf([silence, gate], happenings)).toEqual(['#0+10', '#2+70']);
  });
});

describe('changed', () => {
  it('holds when the field is another than at the event before, of the same agent.', () => {
    const rule = { condition_type: 'field', field: 'tag1', operator: 'changed', value: '1', config: null };
    const tagged = (tag1: string | null, agent_id = '7'): EventFields => ({ tag1, agent_id });
    const happenings: Happening[] = [
      ...([
        [0, tagged('a')],
        [1, tagged('b', '8')],
        [2, tagged('a')],
        [3, tagged('b')],
      ] as const),
      ...([
        [4, tagged(null)],
        [5, tagged(null)],
      ] as const),
    ];
    expect(firesOf([rule], happenings)).toEqual(['#3', '#4']);
  });
});

describe('several that remember', () => {
  it('all see every event that passes the others, and all must hold.', () => {
    const busy = stateful('count', 'gte', '3', { time_window: '1h' });
    const bad = stateful('ema_threshold', 'lt', '50', { window_size: 1 });
    expect(
      firesOf(
        [busy, bad],
        [
          [0, score(10)],
          [1, score(90)],
          [2, score(90)],
          [3, score(20)],
        ],
      ),
    ).toEqual(['#3']);
  });
});

describe('a stateful condition that is written', () => {
  it.each([
    [stateful('ema_threshold', 'lt', '70'), 'config.window_size'],
    [stateful('ema_threshold', 'lt', '70', { window_size: 0 }), 'config.window_size'],
    [stateful('ema_threshold', 'lt', '7e1', { window_size: 3 }), 'value'],
    [stateful('ema_threshold', 'contains', '70', { window_size: 3 }), 'operator'],
    [stateful('ema_threshold', 'lt', '70', { window_size: 3, alpha: 0.2 }), 'config.alpha'],
    [stateful('ema_threshold', 'lt', '70', { window_size: 3 }, 'tag1'), 'field'],
    [stateful('count', 'gte', '3', { time_window: '10 minutes' }), 'config.time_window'],
    [stateful('count', 'gte', '3', { time_window: '31d' }), 'config.time_window'],
    [stateful('count', 'gte', '3.5', { time_window: '1h' }), 'value'],
    [stateful('count', 'gte', '3', { time_window: '1h', scope: 'chain' }), 'config.scope'],
    [stateful('rate_limit', 'gte', '3', { time_window: '1h', reset_on_trigger: 'yes' }), 'config.reset_on_trigger'],
    [stateful('threshold_crossing', 'gt', '50', { clear: '60' }), 'config.clear'],
    [stateful('threshold_crossing', 'equals', '50'), 'operator'],
    [stateful('absence', 'equals', '1'), 'config.time_window'],
    [stateful('sustained', 'lt', '50', { time_window: '1h' }), 'config.time_window'],
    [stateful('max_fires', 'equals', '0'), 'value'],
  ])('is refused when it makes no sense: %j.', (condition, path) => {
    expect(compileCondition(condition, 'reputation')).toMatchObject({ ok: false, path });
  });

  it('cannot be of a trigger that asks for no confirmations.', () => {
    const conditions = [{ id: 1, ...stateful('count', 'gte', '3', { time_window: '1h' }) }];
    expect(compileTrigger(sampleTrigger({ conditions, confirmations: 0 }))).toMatchObject({
      state: 'broken',
      faults: [{ conditionId: 1, path: 'confirmations' }],
    });
  });
});
