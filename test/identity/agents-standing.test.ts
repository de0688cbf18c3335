import { describe, expect, it } from 'vitest';
import { standingAfter } from '../../src/identity/agents/standing.ts';

const link = { id: 'link_1', agentId: '7', walletAddress: '0xaa', provenBlock: 10 };
const nothing = { linkId: 'link_1', confirmedAway: null, observedAway: null, lastTo: null };

describe('where a link stands', () => {
  it.each([
    ['without any transfer', {}, 'active', null],
    ['after a transfer to its wallet', { lastTo: '0xaa' }, 'active', null],
    ['after a transfer away', { observedAway: 'evt_1', lastTo: '0xbb' }, 'stale', 'evt_1'],
    ['after a transfer away and back', { observedAway: 'evt_1', lastTo: '0xaa' }, 'stale', 'evt_1'],
    ['after a confirmed transfer away', { confirmedAway: 'evt_1', lastTo: '0xbb' }, 'revoked', 'evt_1'],
    [
      'after a confirmed one and back',
      { confirmedAway: 'evt_1', observedAway: 'evt_2', lastTo: '0xaa' },
      'revoked',
      'evt_1',
    ],
    ['when the transfer to its wallet is gone', { lastTo: '0xbb' }, 'stale', null],
  ])('%s', (_, finding, status, eventId) => {
    expect(standingAfter(link, { ...nothing, ...finding })).toEqual({ status, eventId });
  });
});
