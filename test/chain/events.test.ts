import { describe, expect, it } from 'vitest';
import {
  canonicalEventType,
  canonicalField,
  completeFields,
  EVENT_NAMES,
  ZERO_ADDRESS,
} from '../../src/chain/events.ts';

describe('names of events and fields', () => {
  it('resolves the other names of events, one of them narrower than the event', () => {
    expect(canonicalEventType('NewFeedback')).toEqual({ eventType: 'NewFeedback' });
    expect(canonicalEventType('FeedbackSubmitted')).toEqual({ eventType: 'NewFeedback' });
    expect(canonicalEventType('AgentMinted')).toEqual({ eventType: 'Registered' });
    expect(canonicalEventType('AgentRegistered')).toEqual({ eventType: 'Registered' });
    expect(canonicalEventType('AgentBurned')).toEqual({ eventType: 'Transfer', onlyTo: ZERO_ADDRESS });
  });

  it('knows no other name, not even one that every object has', () => {
    for (const name of ['', 'registered', 'toString', 'constructor', '__proto__']) {
      expect(canonicalEventType(name)).toBeUndefined();
      expect(canonicalField(name)).toBeUndefined();
    }
  });

  it('lists every name once', () => {
    expect(EVENT_NAMES).toHaveLength(new Set(EVENT_NAMES).size);
    expect(EVENT_NAMES.every((name) => canonicalEventType(name))).toBe(true);
  });

  it('resolves the other names of fields', () => {
    expect(canonicalField('agent_uri')).toBe('agent_uri');
    expect(canonicalField('token_uri')).toBe('agent_uri');
    expect(canonicalField('file_uri')).toBe('feedback_uri');
    expect(canonicalField('file_hash')).toBe('feedback_hash');
  });

  it('completes an event’s fields with its place, which the event cannot override', () => {
    const fields = completeFields({
      chainId: 31_337,
      registry: 'identity',
      eventType: 'Registered',
      blockNumber: 5,
      blockHash: '0xaa',
      blockTime: new Date('2026-02-03T04:05:06Z'),
      transactionHash: '0xbb',
      logIndex: 2,
      fields: { agent_id: '1', chain_id: 999 },
    });
    expect(fields).toEqual({
      agent_id: '1',
      event_type: 'Registered',
      chain_id: 31_337,
      registry: 'identity',
      block_number: 5,
      block_hash: '0xaa',
      transaction_hash: '0xbb',
      log_index: 2,
      timestamp: '2026-02-03T04:05:06Z',
    });
  });
});
