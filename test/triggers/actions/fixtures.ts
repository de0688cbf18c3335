import fc from 'fast-check';
import type { EventRow } from '../../../src/triggers/actions/event-payload.ts';
import type { ActionDelivery, ConfigRules, SenderDeps } from '../../../src/triggers/actions/kind.ts';
import { policy } from '../../outbound/policy.ts';

export const SIGNING_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

export const eventRow = (fields: EventRow['fields'] = {}, extra: Partial<EventRow> = {}): EventRow => ({
  id: '31337-0xaa-0',
  chainId: 31_337,
  blockHash: `0x${'a'.repeat(64)}`,
  logIndex: 0,
  blockNumber: 12,
  blockTime: new Date('2026-01-02T03:04:05.678Z'),
  transactionHash: `0x${'b'.repeat(64)}`,
  registry: 'reputation',
  eventType: 'NewFeedback',
  agentId: '42',
  fields: { agent_id: '42', ...fields },
  status: 'confirmed',
  ...extra,
});

export const delivery = (extra: Partial<ActionDelivery> = {}): ActionDelivery => ({
  id: '0192f0c1-0000-7000-8000-000000000001',
  attempt: 1,
  kind: 'fire',
  retracts: null,
  trigger: { id: '0192f0c1-0000-7000-8000-00000000000a', name: 'Low scores' },
  event: eventRow(),
  state: {},
  config: { method: 'POST', url: 'https://hooks.example.com/x' },
  signingSecret: SIGNING_SECRET,
  ...extra,
});

export const rules = (allow = ''): ConfigRules => ({ outboundPolicy: policy(allow), hasBotToken: true });

const unreachable = () => Promise.reject(new Error('nothing is to be sent this way'));

/** What a sender is given; a test names the ways out that it is about. */
export const senderDeps = (extra: Partial<SenderDeps> = {}): SenderDeps => ({
  clock: () => new Date(),
  version: '1.2.3',
  outbound: unreachable,
  guardedFetch: unreachable,
  telegram: { url: 'https://api.telegram.org', token: undefined, outbound: unreachable },
  ...extra,
});

/** Values that people would choose to break out of where they are put. */
const HOSTILE = [
  '{{owner}}',
  '{{',
  '}}',
  '"',
  '\\',
  '"}],"admin":true',
  '\r\nX-Evil: 1',
  '</script>',
  "'",
  '\0',
  '\u2028',
  '\ud800',
  '#{7*7}',
  '..',
  '../..',
  '?a=b',
  '#',
  '%2e%2e',
  '&x=y',
  'é😀',
];

export const hostileText = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: 'binary' }),
  fc.array(fc.constantFrom(...HOSTILE)).map((parts) => parts.join('')),
);
