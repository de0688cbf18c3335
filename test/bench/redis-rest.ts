/**
 * The stack's stand-in for Upstash's REST protocol, as a process that can be pinned and whose processor time can be told
 * apart. `node redis-rest.ts '{"port","token","redisUrl"?}'`
 */
import { startRedis } from '../../scripts/stack/redis.ts';

const { port, token, redisUrl } = JSON.parse(process.argv[2] ?? '{}') as {
  port: number;
  token: string;
  redisUrl?: string;
};
const { engine } = await startRedis({
  port,
  token,
  ...(redisUrl === undefined ? { engine: 'in-process' } : { redisUrl }),
});
console.log(engine);
