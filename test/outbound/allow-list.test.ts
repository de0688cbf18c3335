import { describe, expect, it } from 'vitest';
import { isAllowed, parseAllowList } from '../../src/outbound/allow-list.ts';

describe('the allow-list', () => {
  const list = parseAllowList(' localhost, hooks.internal:8080 ,127.0.0.0/8,10.1.2.3:9000,[::1]:3000,fd00::/8,, ');

  it.each([
    ['localhost', 1234],
    ['hooks.internal', 8080],
    ['127.0.0.1', 80],
    ['127.9.9.9', 8787],
    ['[::ffff:7f00:1]', 80],
    ['10.1.2.3', 9000],
    ['[::1]', 3000],
    ['[fd12::5]', 443],
  ])('names %s on port %d', (host, port) => expect(isAllowed(list, host, port)).toBe(true));

  it.each([
    ['example.com', 443],
    ['sub.localhost', 80],
    ['hooks.internal', 8081],
    ['10.1.2.3', 9001],
    ['10.1.2.4', 9000],
    ['[::1]', 3001],
    ['128.0.0.1', 80],
    ['[fe80::1]', 80],
  ])('does not name %s on port %d', (host, port) => expect(isAllowed(list, host, port)).toBe(false));

  it('is empty for an empty setting', () => expect(parseAllowList('')).toEqual([]));

  it.each([
    'host:0x50',
    'example.com/24',
    'http://localhost',
    'a b',
    'localhost:99999',
    '[::1',
    '::1]:80',
    '127.0.0.1/33',
  ])('refuses the entry %j', (text) => expect(() => parseAllowList(text)).toThrow());
});
