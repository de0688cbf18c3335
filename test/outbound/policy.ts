import { parseAllowList } from '../../src/outbound/allow-list.ts';
import type { OutboundPolicy } from '../../src/outbound/guard.ts';

export const policy = (allow = ''): OutboundPolicy => ({
  allow: parseAllowList(allow),
  ownHosts: ['api.weir.test'],
  dohUrl: 'https://doh.test/dns-query',
});
