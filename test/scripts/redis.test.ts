import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ratelimit } from '@upstash/ratelimit';
import { Redis } from '@upstash/redis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findRedisServer } from '../../scripts/stack/redis/real.ts';
import { type RedisRest, startRedis } from '../../scripts/stack/redis.ts';

const TOKEN = 'a-token';

// The real server runs wherever the machine has it; the in-process one must answer the same everywhere.
const engines = (await findRedisServer()) ? (['in-process', 'redis-server'] as const) : (['in-process'] as const);

describe.each(engines)('the REST server over %s', (engine) => {
  let rest: RedisRest;
  let redis: Redis;

  beforeAll(async () => {
    rest = await startRedis({ token: TOKEN, engine });
    redis = new Redis({ url: rest.url, token: TOKEN, retry: false, enableTelemetry: false });
  });
  afterAll(() => rest.stop());
  beforeEach(async () => void (await redis.flushdb()));

  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(rest.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  /** One command as it goes over the wire, without a client that helps. */
  const call = async (...command: Array<string | number>) => (await post('/', command)).json();

  describe('the protocol', () => {
    it('asks for the token', async () => {
      for (const authorization of ['', 'Bearer', `Bearer ${TOKEN}x`, `Basic ${TOKEN}`]) {
        const response = await post('/', ['PING'], { authorization });
        expect(response.status).toBe(401);
        expect(await response.json()).toEqual({ error: 'Unauthorized' });
      }
    });

    it('takes a command as array, as path, and with a body as value', async () => {
      expect(await call('SET', 'k', 5)).toEqual({ result: 'OK' });
      expect(await (await post('/get/k', '')).json()).toEqual({ result: '5' });
      expect(await (await post('/set/a%20b?EX=100', 'some text')).json()).toEqual({ result: 'OK' });
      expect(await call('GET', 'a b')).toEqual({ result: 'some text' });
      expect(await call('TTL', 'a b')).toEqual({ result: 100 });
    });

    it('encodes texts in base64 when asked, also inside arrays', async () => {
      const encoded = { 'upstash-encoding': 'base64' };
      expect(await (await post('/', ['SET', 'k', 'é'], encoded)).json()).toEqual({ result: 'OK' });
      expect(await (await post('/', ['GET', 'k'], encoded)).json()).toEqual({ result: 'w6k=' });
      expect(await (await post('/', ['MGET', 'k', 'none'], encoded)).json()).toEqual({ result: ['w6k=', null] });
      expect(await (await post('/', ['STRLEN', 'k'], encoded)).json()).toEqual({ result: 2 });
    });

    it('answers a pipeline one by one', async () => {
      const response = await post('/pipeline', [
        ['SET', 'k', 'text'],
        ['INCR', 'k'],
        ['GET', 'k'],
      ]);
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual([
        { result: 'OK' },
        { error: 'ERR value is not an integer or out of range' },
        { result: 'text' },
      ]);
    });

    it('runs a transaction, and none of it when a command does not exist', async () => {
      const fine = await post('/multi-exec', [
        ['SET', 'k', '1'],
        ['HSET', 'k', 'f', 'v'],
        ['INCRBY', 'k', '2'],
      ]);
      expect(await fine.json()).toEqual([
        { result: 'OK' },
        { error: expect.stringContaining('WRONGTYPE') },
        { result: 3 },
      ]);
      const broken = await post('/multi-exec', [['SET', 'k', '9'], ['NOSUCH']]);
      expect(broken.status).toBe(400);
      expect(await broken.json()).toEqual({ error: expect.stringContaining('EXECABORT') });
      expect(await call('GET', 'k')).toEqual({ result: '3' });
    });

    it('refuses with 400 what it cannot read', async () => {
      for (const [path, body] of [
        ['/', '{'],
        ['/', '{}'],
        ['/', '[]'],
        ['/', '[{}]'],
        ['/pipeline', '["GET"]'],
      ] as const) {
        expect((await post(path, body)).status, body).toBe(400);
      }
    });
  });

  describe('commands', () => {
    it.each([
      [['NOSUCH', 'a'], "ERR unknown command 'NOSUCH', with args beginning with: 'a' "],
      [['GET'], "ERR wrong number of arguments for 'get' command"],
      [['HSET', 'h', 'f', 'v', 'g'], "ERR wrong number of arguments for 'hset' command"],
      [['SET', 'k', 'v', 'NX', 'XX'], 'ERR syntax error'],
      [['SET', 'k', 'v', 'EX', '0'], "ERR invalid expire time in 'set' command"],
      [['INCRBY', 'k', '1.5'], 'ERR value is not an integer or out of range'],
      [['INCRBYFLOAT', 'k', 'x'], 'ERR value is not a valid float'],
      [['EXPIRE', 'k', 'soon'], 'ERR value is not an integer or out of range'],
      [['ZADD', 'z', 'one', 'm'], 'ERR value is not a valid float'],
      [['ZADD', 'z', 'NX', 'XX', '1', 'm'], 'ERR XX and NX options at the same time are not compatible'],
      [['ZRANGE', 'z', '0', '-1', 'LIMIT', '0', '1'], expect.stringContaining('LIMIT is only supported')],
      [['SCAN', 'x'], 'ERR invalid cursor'],
      [['EVALSHA', 'f'.repeat(40), '0'], 'NOSCRIPT No matching script. Please use EVAL.'],
      [['EVAL', 'return 1', '2', 'k'], "ERR Number of keys can't be greater than number of args"],
      [['EVAL', 'return 1', '-1'], "ERR Number of keys can't be negative"],
    ])('refuses %j', async (command, message) => {
      const response = await post('/', command);
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({ error: message });
    });

    it('refuses a command on a key of another type', async () => {
      await call('SET', 's', 'text');
      await call('SADD', 'm', 'a');
      for (const command of [
        ['HGET', 's', 'f'],
        ['SADD', 's', 'x'],
        ['ZADD', 's', 1, 'x'],
        ['GET', 'm'],
        ['INCR', 'm'],
      ]) {
        expect(await call(...command)).toEqual({ error: expect.stringMatching(/^WRONGTYPE/) });
      }
    });

    it('sets with conditions and returns the old value', async () => {
      expect(await redis.set('k', 'one', { nx: true })).toBe('OK');
      expect(await redis.set('k', 'two', { nx: true })).toBeNull();
      expect(await redis.set('k', 'two', { xx: true, get: true })).toBe('one');
      expect(await redis.set('other', 'x', { xx: true })).toBeNull();
      expect(await redis.mget('k', 'other')).toEqual(['two', null]);
      expect(await redis.getdel('k')).toBe('two');
      expect(await redis.exists('k', 'other')).toBe(0);
    });

    it('keeps expiries as it should', async () => {
      await redis.set('k', 'v', { px: 60_000 });
      expect(await redis.ttl('k')).toBe(60);
      await redis.set('k', 'w', { keepTtl: true });
      expect(await redis.ttl('k')).toBe(60);
      await redis.getex('k', { ex: 200 });
      expect(await redis.ttl('k')).toBe(200);
      expect(await call('EXPIRE', 'k', 100, 'GT')).toEqual({ result: 0 });
      expect(await call('EXPIRE', 'k', 100, 'LT')).toEqual({ result: 1 });
      await redis.set('k', 'v');
      expect([await redis.ttl('k'), await redis.pttl('none')]).toEqual([-1, -2]);
      expect(await redis.expire('k', -1)).toBe(1);
      expect(await redis.dbsize()).toBe(0);
    });

    it('lets keys expire', async () => {
      await redis.set('k', 'v', { px: 30 });
      await redis.hset('h', { f: 1 });
      await redis.pexpire('h', 30);
      await expect.poll(() => redis.exists('k', 'h'), { interval: 5 }).toBe(0);
      expect(await redis.type('k')).toBe('none');
    });

    it('counts with whole numbers of 64 bits and with fractions', async () => {
      expect([await redis.incr('n'), await redis.incrby('n', 41), await redis.decr('n')]).toEqual([1, 42, 41]);
      expect(await redis.incrbyfloat('f', 2.5)).toBe(2.5);
      expect(await call('INCRBYFLOAT', 'f', '-1e-1')).toEqual({ result: '2.4' });
      await call('SET', 'n', '9223372036854775807');
      expect(await call('INCR', 'n')).toEqual({ error: 'ERR increment or decrement would overflow' });
    });

    it('keeps hashes', async () => {
      expect(await redis.hset('h', { a: 1, b: 'two' })).toBe(2);
      expect(await redis.hset('h', { a: 3 })).toBe(0);
      expect(await redis.hgetall('h')).toEqual({ a: 3, b: 'two' });
      expect(await redis.hmget('h', 'a', 'none')).toEqual({ a: 3, none: null });
      expect(await redis.hincrby('h', 'a', -5)).toBe(-2);
      expect(await call('HINCRBY', 'h', 'b', 1)).toEqual({ error: 'ERR hash value is not an integer' });
      expect(await redis.hdel('h', 'a', 'b', 'c')).toBe(2);
      expect(await redis.exists('h')).toBe(0);
    });

    it('keeps sets', async () => {
      expect(await redis.sadd('s', 'a', 'b', 'a')).toBe(2);
      expect((await redis.smembers('s')).sort()).toEqual(['a', 'b']);
      expect([await redis.sismember('s', 'a'), await redis.sismember('s', 'c')]).toEqual([1, 0]);
      expect(await redis.srem('s', 'a', 'b')).toBe(2);
      expect(await redis.dbsize()).toBe(0);
    });

    it('keeps sorted sets in order', async () => {
      expect(await call('ZADD', 'z', 2, 'b', 1, 'a', 2, 'aa', 'inf', 'end')).toEqual({ result: 4 });
      expect(await call('ZADD', 'z', 'XX', 'CH', 'GT', 3, 'a', 1, 'b', 9, 'new')).toEqual({ result: 1 });
      expect(await call('ZADD', 'z', 'INCR', 0.5, 'a')).toEqual({ result: '3.5' });
      expect(await redis.zrange('z', 0, -1)).toEqual(['aa', 'b', 'a', 'end']);
      expect(await call('ZRANGE', 'z', '-2', '-1', 'WITHSCORES')).toEqual({ result: ['a', '3.5', 'end', 'inf'] });
      expect(await redis.zrange('z', '(2', '+inf', { byScore: true })).toEqual(['a', 'end']);
      expect(await call('ZRANGE', 'z', '+inf', '-inf', 'BYSCORE', 'REV', 'LIMIT', 1, 2)).toEqual({
        result: ['a', 'b'],
      });
      expect(await redis.zincrby('z', 1, 'b')).toBe(3);
      expect([await redis.zscore('z', 'b'), await redis.zscore('z', 'none')]).toEqual([3, null]);
      expect(await redis.zremrangebyscore('z', 2, 3)).toBe(2);
      expect(await redis.zcard('z')).toBe(2);
    });

    it('finds keys by pattern', async () => {
      await redis.mset({ 'a:1': 1, 'a:2': 2, 'b:1': 3, 'a[1]': 4 });
      const scan = async (match: string) => (await redis.scan(0, { match, count: 1000 }))[1].sort();
      expect(await scan('a:*')).toEqual(['a:1', 'a:2']);
      expect(await scan('?:1')).toEqual(['a:1', 'b:1']);
      expect(await scan('[^a]:[0-9]')).toEqual(['b:1']);
      expect(await scan('a\\[1\\]')).toEqual(['a[1]']);
    });
  });

  describe('scripts', () => {
    it('converts values both ways', async () => {
      await redis.hset('h', { f: 'v' });
      const script = `
        local fields = redis.call('HMGET', KEYS[1], 'f', 'none')
        return { fields[1], fields[2] == false, 3.99, -3.99, true, false, ARGV[1], { 'a', { 1 } }, redis.call('PING') }`;
      expect(await call('EVAL', script, 1, 'h', 'é')).toEqual({
        result: ['v', 1, 3, -3, 1, null, 'é', ['a', [1]], 'PONG'],
      });
      expect(await call('EVAL', 'return { 1, nil, 3 }', 0)).toEqual({ result: [1] });
      expect(await call('EVAL', "redis.call('SET', KEYS[1], 2.5) return redis.call('GET', KEYS[1])", 1, 'n')).toEqual({
        result: '2.5',
      });
      expect(
        await call('EVAL', "redis.call('SET', KEYS[1], 10 / 2) return redis.call('GET', KEYS[1])", 1, 'n'),
      ).toEqual({ result: '5' });
    });

    it('lets a script catch an error or end with it', async () => {
      await redis.sadd('s', 'a');
      const caught = "local reply = redis.pcall('GET', KEYS[1]) return reply.err and 'caught' or 'missed'";
      expect(await call('EVAL', caught, 1, 's')).toEqual({ result: 'caught' });
      expect(await call('EVAL', "return redis.call('GET', KEYS[1])", 1, 's')).toEqual({
        error: expect.stringMatching(/^WRONGTYPE/),
      });
      expect(await call('EVAL', "return redis.error_reply('MINE gone wrong')", 0)).toEqual({
        error: 'MINE gone wrong',
      });
      for (const script of [
        'retrn 1',
        'return nothing.here',
        'made_up = 1',
        "return redis.call('NOSUCH')",
        'return io.open("x")',
      ]) {
        expect(await call('EVAL', script, 0), script).toEqual({ error: expect.stringMatching(/^ERR/) });
      }
    });

    it('takes the first line only Upstash knows, and the sha of the script as it was sent', async () => {
      const script = "#!lua flags=allow-key-locking\nreturn redis.call('INCRBY', KEYS[1], ARGV[1])";
      expect(await redis.eval(script, ['n'], [2])).toBe(2);
      const sha = await redis.scriptLoad(script);
      expect(sha).toBe(await sha1(script));
      expect(await redis.evalsha(sha, ['n'], [3])).toBe(5);
      expect(await redis.scriptExists(sha, 'f'.repeat(40))).toEqual([1, 0]);
      expect(await call('EVAL', '#!lua flags=made-up\nreturn 1', 0)).toEqual({
        error: expect.stringContaining('Unexpected flag in script shebang: made-up'),
      });
    });

    it('lets a read-only script write nothing', async () => {
      expect(await call('EVAL_RO', "return redis.call('GET', KEYS[1])", 1, 'k')).toEqual({ result: null });
      for (const command of [
        ['EVAL_RO', "return redis.call('SET', KEYS[1], 1)", 1, 'k'],
        ['EVAL', "#!lua flags=no-writes\nreturn redis.call('SET', KEYS[1], 1)", 1, 'k'],
      ]) {
        expect(await call(...command)).toEqual({ error: expect.stringContaining('Write commands are not allowed') });
      }
      expect(await redis.exists('k')).toBe(0);
    });

    it('lets nothing come between the steps of a script', async () => {
      const script = `local n = tonumber(redis.call('GET', KEYS[1]) or '0')
        for i = 1, 50 do redis.call('SET', KEYS[1], n + i) end
        return redis.call('GET', KEYS[1])`;
      await Promise.all(Array.from({ length: 40 }, () => redis.eval(script, ['n'], [])));
      expect(await redis.get('n')).toBe(2_000);
    });
  });

  describe('@upstash/ratelimit', () => {
    const limiters = {
      'fixed window': Ratelimit.fixedWindow(10, '1 h'),
      'sliding window': Ratelimit.slidingWindow(10, '1 h'),
      'token bucket': Ratelimit.tokenBucket(10, '1 h', 10),
    };

    it.each(Object.entries(limiters))('counts exactly with a %s', async (_, limiter) => {
      const limit = new Ratelimit({ redis, limiter, ephemeralCache: false, prefix: 'exact' });
      const all = await Promise.all(Array.from({ length: 25 }, () => limit.limit('caller')));
      expect(all.filter(({ success }) => success)).toHaveLength(10);
      expect(await limit.getRemaining('caller')).toMatchObject({ remaining: 0, limit: 10 });
      expect((await limit.limit('someone else')).remaining).toBe(9);
      await limit.resetUsedTokens('caller');
      expect(await limit.getRemaining('caller')).toMatchObject({ remaining: 10 });
      expect((await limit.limit('caller', { rate: 4 })).remaining).toBe(6);
    });

    it('fills a token bucket again as time goes by', async () => {
      const limit = new Ratelimit({ redis, limiter: Ratelimit.tokenBucket(2, '50 ms', 2), ephemeralCache: false });
      expect((await limit.limit('caller', { rate: 2 })).success).toBe(true);
      await expect.poll(async () => (await limit.limit('caller', { rate: 2 })).success, { interval: 10 }).toBe(true);
    });

    it('remembers a refusal without asking again', async () => {
      const cache = new Map<string, number>();
      const limit = new Ratelimit({ redis, limiter: Ratelimit.fixedWindow(1, '1 h'), ephemeralCache: cache });
      expect((await limit.limit('caller')).success).toBe(true);
      expect((await limit.limit('caller')).success).toBe(false);
      await redis.flushdb();
      expect(await limit.limit('caller')).toMatchObject({ success: false, reason: 'cacheBlock' });
    });

    it('takes a limit that is changed at run time', async () => {
      const limit = new Ratelimit({
        redis,
        limiter: Ratelimit.fixedWindow(1, '1 h'),
        ephemeralCache: false,
        dynamicLimits: true,
      });
      await limit.setDynamicLimit({ limit: 3 });
      expect((await limit.limit('caller')).remaining).toBe(2);
    });
  });

  it('keeps its data over a clean restart', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'weir-redis-test-'));
    const first = await startRedis({ token: TOKEN, engine, dir });
    const before = new Redis({ url: first.url, token: TOKEN, retry: false });
    await before.set('text', 'kept', { ex: 1_000 });
    await before.hset('hash', { a: 1 });
    await before.sadd('set', 'a');
    await before.zadd('zset', { score: 1.5, member: 'a' });
    await first.stop();
    const second = await startRedis({ token: TOKEN, engine, dir });
    const after = new Redis({ url: second.url, token: TOKEN, retry: false });
    expect(await after.get('text')).toBe('kept');
    expect(await after.ttl('text')).toBeGreaterThan(900);
    expect(await after.hgetall('hash')).toEqual({ a: 1 });
    expect(await after.smembers('set')).toEqual(['a']);
    expect(await after.zscore('zset', 'a')).toBe(1.5);
    await second.stop();
    await rm(dir, { recursive: true });
  });
});

async function sha1(text: string): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-1', new TextEncoder().encode(text))).toString('hex');
}
