import { LuaFactory } from 'wasmoon';
import { RedisError, type Reply } from './reply.ts';
import { sha1 } from './shebang.ts';

/** Calls a command for a script; what it throws, the script sees as an error. */
type ScriptCall = (command: string[]) => Reply;

export interface Lua {
  /** @throws RedisError */
  run(code: string, keys: string[], args: string[], call: ScriptCall): Reply;
  close(): void;
}

const TIME_LIMIT_SECONDS = 5;

/**
 * What Redis gives its scripts: the libraries without any way out, `redis.call` and its relatives, globals that
 * cannot be written, and names of Lua 5.1 that later versions dropped. Replies leave value by value through `emit`,
 * because a Lua table does not tell an array from an object or where it ends.
 */
const PRELUDE = `
local call, emit, sha1hex = __call, __emit, __sha1hex
__call, __emit, __sha1hex = nil, nil, nil

local redis = {
  call = function(...)
    local reply = call(...)
    if type(reply) == 'table' and reply.err then error(reply, 0) end
    return reply
  end,
  pcall = function(...) return call(...) end,
  error_reply = function(text) return { err = text } end,
  status_reply = function(text) return { ok = text } end,
  sha1hex = function(text) return sha1hex(tostring(text)) end,
  log = function() end,
  LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
}

local globals = {
  redis = redis, server = redis, math = math, string = string, table = table, os = { clock = os.clock },
  assert = assert, error = error, getmetatable = getmetatable, ipairs = ipairs, next = next, pairs = pairs,
  pcall = pcall, rawequal = rawequal, rawget = rawget, rawset = rawset, select = select,
  setmetatable = setmetatable, tonumber = tonumber, type = type, xpcall = xpcall, unpack = table.unpack,
  tostring = function(value)
    if math.type(value) == 'float' and value == math.floor(value) then return string.format('%.14g', value) end
    return tostring(value)
  end,
}
math.pow = function(x, y) return x ^ y end
table.getn = function(list) return #list end

local function send(value)
  local kind = type(value)
  if kind == 'number' then emit('number', value)
  elseif kind == 'string' then emit('text', value)
  elseif value == true then emit('number', 1)
  elseif kind ~= 'table' then emit('null')
  elseif value.err then emit('error', tostring(value.err))
  elseif value.ok then emit('status', tostring(value.ok))
  else
    local length = 0
    while value[length + 1] ~= nil do length = length + 1 end
    emit('array', length)
    for index = 1, length do send(value[index]) end
  end
end

function __run(code, keys, args)
  local environment = setmetatable({ KEYS = keys, ARGV = args }, {
    __index = function(_, name)
      if globals[name] == nil then
        error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
      end
      return globals[name]
    end,
    __newindex = function() error('Attempt to modify a readonly table', 2) end,
  })
  local script, fault = load(code, '@user_script', 't', environment)
  if not script then return 'ERR Error compiling script (new function): ' .. fault end
  local ends = os.clock() + ${TIME_LIMIT_SECONDS}
  debug.sethook(function() if os.clock() > ends then error('the script ran too long', 0) end end, '', 100000)
  local fine, result = pcall(script)
  debug.sethook()
  if fine then send(result) return nil end
  if type(result) == 'table' then return tostring(result.err) end
  return 'ERR ' .. tostring(result)
end
`;

/** Runs Redis's Lua scripts inside this process. A script runs to its end in one go, so nothing comes between. */
export async function createLua(): Promise<Lua> {
  const engine = await new LuaFactory().createEngine({ enableProxy: false, injectObjects: false });
  let callNow: ScriptCall = () => null;
  let reply = createReplyBuilder();

  engine.global.set('__call', (...words: unknown[]) => {
    try {
      return forLua(callNow(words.map(toWord)));
    } catch (error) {
      if (error instanceof RedisError) return { err: error.message };
      throw error;
    }
  });
  engine.global.set('__emit', (kind: string, value: unknown) => reply.add(kind, value));
  engine.global.set('__sha1hex', sha1);
  engine.doStringSync(PRELUDE);
  const run: (code: string, keys: string[], args: string[]) => string | null | undefined = engine.global.get('__run');

  return {
    run(code, keys, args, call) {
      callNow = call;
      reply = createReplyBuilder();
      const fault = run(code, keys, args);
      if (typeof fault === 'string') throw new RedisError(fault);
      return reply.done();
    },
    close: () => engine.global.close(),
  };
}

/** Builds a reply from values in the order a reader would meet them: an array's length, then its elements. */
function createReplyBuilder() {
  const root: Reply[] = [];
  const open: Array<{ list: Reply[]; missing: number }> = [{ list: root, missing: 1 }];
  let fault: string | undefined;

  const VALUES: Record<string, (value: unknown) => Reply> = {
    number: (value) => Math.trunc(Number(value)),
    text: String,
    status: (value) => ({ ok: String(value) }),
    null: () => null,
    error(value) {
      fault = String(value);
      return null;
    },
    array: () => [],
  };

  return {
    add(kind: string, value: unknown): void {
      while (open.at(-1)?.missing === 0) open.pop();
      const place = open.at(-1);
      const element = VALUES[kind]?.(value) ?? null;
      if (!place) return;
      place.list.push(element);
      place.missing--;
      if (Array.isArray(element)) open.push({ list: element, missing: Number(value) });
    },
    done(): Reply {
      if (fault !== undefined) throw new RedisError(fault);
      return root[0] ?? null;
    },
  };
}

/** Lua's nil would end a table: Redis hands scripts false instead. */
function forLua(reply: Reply): unknown {
  if (Array.isArray(reply)) return reply.map(forLua);
  return reply ?? false;
}

/** Numbers are written as Redis writes them: whole ones plainly, others with 17 digits. */
function toWord(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'number')
    throw new RedisError('ERR Lua redis lib command arguments must be strings or integers');
  if (Number.isSafeInteger(value) || !Number.isFinite(value)) return String(value);
  return String(Number(value.toPrecision(17))) === String(value) ? trimZeros(value.toPrecision(17)) : String(value);
}

const trimZeros = (text: string): string =>
  text.includes('.') && !text.includes('e') ? text.replace(/\.?0+$/, '') : text;
