import { describe, expect, it } from 'vitest';
import { eventPayload, templateValues } from '../../../src/triggers/actions/event-payload.ts';
import { delivery, eventRow } from './fixtures.ts';

describe('the public form of an event', () => {
  it('has its place, its fields and its status on one level', () => {
    const row = eventRow({ client_address: '0xc', value: '-320', value_decimals: 2, score: '-3.2', tag1: 'speed' });
    expect(eventPayload(row)).toEqual({
      id: row.id,
      event_type: 'NewFeedback',
      chain_id: 31_337,
      registry: 'reputation',
      block_number: 12,
      block_hash: row.blockHash,
      transaction_hash: row.transactionHash,
      log_index: 0,
      timestamp: '2026-01-02T03:04:05Z',
      agent_id: 42,
      client_address: '0xc',
      value: '-320',
      value_decimals: 2,
      score: '-3.2',
      tag1: 'speed',
      status: 'confirmed',
    });
  });

  it.each([
    ['0', 0],
    ['9007199254740991', 9_007_199_254_740_991],
    ['9007199254740992', '9007199254740992'],
    ['9007199254740993', '9007199254740993'],
    [(2n ** 256n - 1n).toString(), (2n ** 256n - 1n).toString()],
  ])('has agent %s as %j', (agentId, expected) => {
    expect(eventPayload(eventRow({ agent_id: agentId }, { agentId }))['agent_id']).toBe(expected);
  });

  it('has no agent where the event has none', () => {
    expect(eventPayload(eventRow({}, { agentId: null, fields: {} }))).not.toHaveProperty('agent_id');
  });

  it('cannot be contradicted by a field of its event', () => {
    expect(eventPayload(eventRow({ status: 'forged', id: 'forged', chain_id: 1 }))).toMatchObject({
      id: '31337-0xaa-0',
      chain_id: 31_337,
      status: 'confirmed',
    });
  });

  it('is what templates name, with what the delivery belongs to', () => {
    const values = templateValues(
      delivery({
        id: 'd',
        event: eventRow({ trigger_name: 'forged', 'state.ema': 'forged' }),
        trigger: { id: 't', name: 'mine' },
        state: { ema: '41.5', count: 3 },
      }),
    );
    const names = ['event_id', 'trigger_id', 'trigger_name', 'delivery_id', 'agent_id', 'state.ema', 'state.count'];
    expect(names.map((name) => values.get(name))).toEqual(['31337-0xaa-0', 't', 'mine', 'd', 42, '41.5', 3]);
    expect([values.get('delivery.kind'), values.get('delivery.retracts')]).toEqual(['fire', null]);
  });
});
