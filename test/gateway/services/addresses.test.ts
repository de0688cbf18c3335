import { expect, it } from 'vitest';
import { addressesOf } from '../../../src/gateway/services/addresses.ts';

const baseUrl = 'https://weir.test';

const hosts = [
  { host: 'api.acme.com', api: null },
  { host: 'billing.acme.com', api: 'billing' },
  { host: 'orders.acme.com', api: 'orders' },
];

it.each([
  [
    'keyed',
    'acme',
    [
      'https://api.acme.com/orders',
      'https://orders.acme.com',
      'https://weir.test/g/acme/orders',
      'https://weir.test/api/v1/orders',
    ],
  ],
  ['public', undefined, ['https://api.acme.com/orders', 'https://orders.acme.com', 'https://weir.test/api/v1/orders']],
  ['private', 'acme', ['https://weir.test/api/v1/orders']],
] as const)('a %s API of the organization %s is called at its own hosts and ours', (visibility, slug, expected) => {
  expect(addressesOf({ slug: 'orders', visibility }, { baseUrl, slug, hosts })).toEqual(expected);
});
