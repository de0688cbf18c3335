import { describe, expect, it } from 'vitest';
import { checkUrl, judgeAddresses } from '../../src/outbound/guard.ts';
import { policy } from './policy.ts';

const reasonFor = (text: string, allow = '') => {
  const check = checkUrl(text, policy(allow));
  return check.ok ? undefined : check.reason;
};

describe('an address that requests may be sent to', () => {
  it.each([
    'https://hooks.example.com',
    'https://hooks.example.com/a/b?c=d&e',
    'https://hooks.example.com:443/',
    'https://hooks.example.com:8443/x',
    'HTTPS://Hooks.Example.COM/',
    'https://münchen.example.com/',
    'https://localhost.example.com/',
    'https://api.weir.test.example.com/',
  ])('may be %s', (url) => expect(reasonFor(url)).toBeUndefined());

  const NOT_A_NAME = 'must name a host, not an IP address';
  it.each([
    ['https://127.0.0.1/', NOT_A_NAME],
    ['https://2130706433/', NOT_A_NAME],
    ['https://2852039166/', NOT_A_NAME],
    ['https://0x7f.1/', NOT_A_NAME],
    ['https://0x7f000001/', NOT_A_NAME],
    ['https://0177.1/', NOT_A_NAME],
    ['https://0xa.1/', NOT_A_NAME],
    ['https://127.1/', NOT_A_NAME],
    ['https://127.0.0.1./', NOT_A_NAME],
    ['https://１２７.０.０.１/', NOT_A_NAME],
    ['https://①②⑦.0.0.1/', NOT_A_NAME],
    ['https://%31%32%37.0.0.1/', NOT_A_NAME],
    ['https://0/', NOT_A_NAME],
    ['https://8.8.8.8/', NOT_A_NAME],
    ['https://[::1]/', NOT_A_NAME],
    ['https://[::]/', NOT_A_NAME],
    ['https://[::ffff:10.0.0.1]/', NOT_A_NAME],
    ['https://[::127.0.0.1]/', NOT_A_NAME],
    ['https://[64:ff9b::7f00:1]/', NOT_A_NAME],
    ['https://[2606:4700:4700::1111]/', NOT_A_NAME],
    ['https://localhost/', 'must not be a local host name'],
    ['https://LOCALHOST./', 'must not be a local host name'],
    ['https://ⓛocalhost/', 'must not be a local host name'],
    ['https://a.localhost/', 'must not be a local host name'],
    ['https://printer.local/', 'must not be a local host name'],
    ['https://metadata.google.internal/', 'must not be a local host name'],
    ['https://nas.home.arpa./', 'must not be a local host name'],
    ['https://expyuzz4wqqyqhjn.onion/', 'must not be a local host name'],
    ['https://intranet/', 'must have a full host name, such as hooks.example.com'],
    ['https://a..example.com/', 'must have a full host name, such as hooks.example.com'],
    ['https://localhost../', 'must have a full host name, such as hooks.example.com'],
    ['https://api.weir.test/', 'must not be an address of this service'],
    ['https://API.weir.test./', 'must not be an address of this service'],
    ['https://x.api.weir.test/', 'must not be an address of this service'],
    ['https://doh.test/dns-query', 'must not be an address of this service'],
    ['http://hooks.example.com/', 'must use https'],
    ['https://hooks.example.com:22/', 'must use port 443 or 8443'],
    ['https://hooks.example.com:80/', 'must use port 443 or 8443'],
    ['https://user@hooks.example.com/', 'must not contain a user name or password'],
    ['https://user:pw@hooks.example.com/', 'must not contain a user name or password'],
    ['https://@hooks.example.com/', 'must not contain a user name or password'],
    ['https://hooks.example.com/#x', 'must not have a fragment; it would not be sent'],
    ['https://hooks.example.com/#', 'must not have a fragment; it would not be sent'],
    ['ftp://hooks.example.com/', 'must be an absolute https URL'],
    ['javascript:alert(1)', 'must be an absolute https URL'],
    ['file:///etc/passwd', 'must be an absolute https URL'],
    ['https:hooks.example.com', 'must be an absolute https URL'],
    ['//hooks.example.com/', 'must be an absolute https URL'],
    ['hooks.example.com', 'must be an absolute https URL'],
    ['https://', 'must be an absolute https URL'],
    ['https://1.2.3.4.5/', 'must be an absolute https URL'],
    ['', 'must be an absolute https URL'],
    ['https:\\\\hooks.example.com/', 'must not contain white space, control characters or backslashes'],
    ['https://hooks.example.com\\@127.0.0.1/', 'must not contain white space, control characters or backslashes'],
    [' https://hooks.example.com/', 'must not contain white space, control characters or backslashes'],
    ['https://hooks.exam\tple.com/', 'must not contain white space, control characters or backslashes'],
    ['https://hooks.example.com/\r\nx', 'must not contain white space, control characters or backslashes'],
    ['https://hooks.example.com/\0', 'must not contain white space, control characters or backslashes'],
    [`https://hooks.example.com/${'a'.repeat(2048)}`, 'must be at most 2048 characters'],
  ])('may not be %j', (url, reason) => expect(reasonFor(url)).toBe(reason));

  it('is exempt from the rules of public hosts when the operator lists it', () => {
    const allow = 'localhost,127.0.0.0/8,[::1]:3000,build.internal:9000';
    for (const url of [
      'http://localhost:8080/x',
      'http://127.0.0.1:1/',
      'http://2130706433/',
      'http://[::1]:3000/',
      'http://build.internal:9000/',
    ]) {
      expect(checkUrl(url, policy(allow)), url).toMatchObject({ ok: true, listed: true });
    }
    expect(reasonFor('http://[::1]:3001/', allow)).toBe(NOT_A_NAME);
    expect(reasonFor('http://10.0.0.1/', allow)).toBe(NOT_A_NAME);
    expect(reasonFor('http://build.internal:9001/', allow)).toBe('must not be a local host name');
    expect(reasonFor('http://user@localhost/', allow)).toBe('must not contain a user name or password');
  });

  it('loses the dot at the end of its name', () => {
    expect(checkUrl('https://hooks.example.com./a', policy())).toMatchObject({
      url: new URL('https://hooks.example.com/a'),
    });
  });
});

describe('the addresses of a name', () => {
  it('are refused when there is none, or when one of them is not public', () => {
    expect(judgeAddresses([], 443, policy())).toBe(false);
    expect(judgeAddresses(['8.8.8.8', '10.0.0.1'], 443, policy())).toBe(false);
    expect(judgeAddresses(['8.8.8.8', '::1'], 443, policy())).toBe(false);
    expect(judgeAddresses(['8.8.8.8', '2606:4700::1'], 443, policy())).toBe(true);
  });

  it('may be private where the operator lists their block', () => {
    expect(judgeAddresses(['10.0.0.1'], 443, policy('10.0.0.0/8'))).toBe(true);
    expect(judgeAddresses(['10.0.0.1'], 443, policy('10.0.0.0/8:8443'))).toBe(false);
  });
});
