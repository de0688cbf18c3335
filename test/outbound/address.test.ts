import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPublicAddress, parseAddress } from '../../src/outbound/address.ts';

/** First and last address of every block that is not public, with a name for the block. */
const NOT_PUBLIC: [string, ...string[]][] = [
  ['this network', '0.0.0.0', '0.255.255.255'],
  ['private 10/8', '10.0.0.0', '10.255.255.255'],
  ['carrier-grade NAT', '100.64.0.0', '100.127.255.255'],
  ['loopback', '127.0.0.1', '127.255.255.255'],
  ['link-local and metadata', '169.254.0.0', '169.254.169.254', '169.254.255.255'],
  ['private 172.16/12', '172.16.0.0', '172.31.255.255'],
  ['protocol assignments', '192.0.0.0', '192.0.0.255'],
  ['documentation 1', '192.0.2.0', '192.0.2.255'],
  ['6to4 relays', '192.88.99.0', '192.88.99.255'],
  ['private 192.168/16', '192.168.0.0', '192.168.255.255'],
  ['benchmarking', '198.18.0.0', '198.19.255.255'],
  ['documentation 2', '198.51.100.0', '198.51.100.255'],
  ['documentation 3', '203.0.113.0', '203.0.113.255'],
  ['multicast', '224.0.0.0', '239.255.255.255'],
  ['reserved and broadcast', '240.0.0.0', '255.255.255.255'],
  ['unspecified', '::'],
  ['loopback v6', '::1'],
  ['v4-compatible', '::127.0.0.1', '::8.8.8.8', '::ffff:ffff'],
  ['mapped private', '::ffff:10.0.0.1', '::ffff:7f00:1', '::ffff:169.254.169.254'],
  ['translated', '::ffff:0:127.0.0.1'],
  ['NAT64 of private', '64:ff9b::10.0.0.1', '64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe'],
  ['local NAT64', '64:ff9b:1::1', '64:ff9b:1:ffff::8.8.8.8'],
  ['discard', '100::', '100::ffff'],
  ['Teredo', '2001::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  ['protocol assignments v6', '2001:2::1', '2001:1ff:ffff::1'],
  ['ORCHID', '2001:20::1', '2001:10::1'],
  ['documentation v6', '2001:db8::1', '2001:db8:ffff::1', '3fff::1', '3fff:fff:ffff::1'],
  ['6to4', '2002:7f00:1::', '2002:808:808::1'],
  ['not assigned', '4000::1', '5f00::1', 'e000::1'],
  ['unique local', 'fc00::1', 'fd00:ec2::254', 'fdff::1'],
  ['link-local v6', 'fe80::1', 'febf::1'],
  ['site-local', 'fec0::1', 'feff::1'],
  ['multicast v6', 'ff02::1', 'ffff::1'],
];

const PUBLIC: string[] = [
  '1.0.0.0',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.0',
  '169.253.255.255',
  '172.15.255.255',
  '172.32.0.0',
  '192.0.1.0',
  '192.0.3.0',
  '192.88.98.255',
  '192.167.255.255',
  '192.169.0.0',
  '198.17.255.255',
  '198.20.0.0',
  '203.0.112.255',
  '223.255.255.255',
  '::ffff:8.8.8.8',
  '64:ff9b::8.8.8.8',
  '2001:200::1',
  '2001:db9::1',
  '2003::1',
  '2606:4700:4700::1111',
  '2a00:1450:4001:80b::200e',
  '3ffe:ffff::1',
  '3fff:1000::1',
];

describe('the public internet', () => {
  it.each(NOT_PUBLIC)('does not hold the %s block', (_, ...addresses) => {
    for (const address of addresses) expect(isPublicAddress(address), address).toBe(false);
  });

  it.each(PUBLIC)('holds %s', (address) => expect(isPublicAddress(address)).toBe(true));

  it.each([
    '',
    'localhost',
    '0x7f.1',
    '2130706433',
    '0177.0.0.1',
    '010.8.8.8',
    '8.8.8',
    '8.8.8.8.8',
    '256.1.1.1',
    'fe80::1%eth0',
    '2606::1%0',
    '8.8.8.8/32',
    ' 8.8.8.8',
  ])('does not hold %j, which is no address in its usual spelling', (text) =>
    expect(isPublicAddress(text)).toBe(false),
  );

  it('judges a mapped and a NAT64 address by the IPv4 address inside', () => {
    const v4 = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map((bytes) => bytes.join('.'));
    fc.assert(
      fc.property(v4, (address) => {
        const isPublic = isPublicAddress(address);
        expect(isPublicAddress(`::ffff:${address}`)).toBe(isPublic);
        expect(isPublicAddress(`64:ff9b::${address}`)).toBe(isPublic);
        expect(isPublicAddress(`::${address}`)).toBe(false);
      }),
    );
  });

  it('reads brackets, and a mapped address as the IPv4 address it stands for', () => {
    expect(String(parseAddress('[::1]'))).toBe('::1');
    expect(String(parseAddress('[::ffff:7f00:1]'))).toBe('127.0.0.1');
  });
});
