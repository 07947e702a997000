// The scripts: each compares before it writes, and writes last, as a script that stops half-way isn't rolled back.
//
// KEYS[1] is the partition's meta. A reply is a list that begins with `ok`, or with why it was refused.

const OWNED = `
local meta = redis.call('HMGET', KEYS[1], 'owner', 'gen', 'at', 'orders', 'head')
if meta[1] ~= ARGV[1] then return {'another owner'} end
`;

/** ARGV: owner, format. → ok, generation, garbage */
export const CLAIM = `
local format = redis.call('HGET', KEYS[1], 'format')
if format and format ~= ARGV[2] then return {'format', format} end
redis.call('HSETNX', KEYS[1], 'gen', ARGV[1])
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'format', ARGV[2])
return {'ok', redis.call('HGET', KEYS[1], 'gen'), redis.call('HGET', KEYS[1], 'garbage') or ''}
`;

/** ARGV: owner. → ok, head or '', orders */
export const HEAD = `${OWNED}
return {'ok', meta[5] or '', meta[4] or '0'}
`;

/**
 * KEYS[2] addresses, then orders, then addresses' hashes. ARGV: owner, generation, at, number of orders, the addresses.
 * → ok, bodies, a list of parts and bodies for each address
 */
export const PREFETCH = `${OWNED}
if meta[2] ~= ARGV[2] or meta[3] ~= ARGV[3] then return {'another checkpoint'} end
local orders = tonumber(ARGV[4])
local bodies = {}
for i = 1, orders do
  local body = redis.call('GET', KEYS[2 + i])
  if not body then return {'gone'} end
  bodies[i] = body
end
local parts = {}
for i = 1, #KEYS - 2 - orders do
  local found = redis.call('HGETALL', KEYS[2 + orders + i])
  local expected = tonumber(redis.call('HGET', KEYS[2], ARGV[4 + i]) or '0')
  if #found ~= 2 * expected then return {'gone'} end
  parts[i] = found
end
return {'ok', bodies, parts}
`;

/**
 * KEYS[2] index, KEYS[3] addresses, then orders, then addresses' hashes. ARGV: owner, generation, at before, at, head, number of
 * orders; for each order its field, deadline, time to live (0: it is deleted), body; for each part the place of its hash
 * in KEYS (negative: it is deleted), its address, part, body.
 */
export const CHECKPOINT = `${OWNED}
if meta[2] ~= ARGV[2] or not meta[3] then return {'another checkpoint'} end
if meta[3] == ARGV[4] then return {'ok'} end
if meta[3] ~= ARGV[3] then return {'another checkpoint'} end
if redis.call('HLEN', KEYS[2]) ~= tonumber(meta[4]) then return {'gone'} end
local orders = tonumber(ARGV[6])
for i = 1, orders do
  local at = 6 + (i - 1) * 4
  if ARGV[at + 3] == '0' then
    redis.call('DEL', KEYS[3 + i])
    redis.call('HDEL', KEYS[2], ARGV[at + 1])
  else
    redis.call('SET', KEYS[3 + i], ARGV[at + 4], 'PX', ARGV[at + 3])
    redis.call('HSET', KEYS[2], ARGV[at + 1], ARGV[at + 2])
  end
end
for at = 6 + orders * 4, #ARGV - 4, 4 do
  local place = tonumber(ARGV[at + 1])
  local key = KEYS[math.abs(place)]
  if place < 0 then
    redis.call('HDEL', key, ARGV[at + 3])
  else
    redis.call('HSET', key, ARGV[at + 3], ARGV[at + 4])
  end
  local count = redis.call('HLEN', key)
  if count == 0 then
    redis.call('HDEL', KEYS[3], ARGV[at + 2])
  else
    redis.call('HSET', KEYS[3], ARGV[at + 2], count)
  end
end
redis.call('HSET', KEYS[1], 'at', ARGV[4], 'head', ARGV[5], 'orders', redis.call('HLEN', KEYS[2]))
return {'ok'}
`;

/** ARGV: owner, the new generation, at, head. → ok, garbage */
export const RESET = `${OWNED}
local garbage = redis.call('HGET', KEYS[1], 'garbage') or ''
if meta[2] ~= ARGV[2] then
  garbage = garbage .. meta[2] .. ' '
  redis.call('HSET', KEYS[1], 'gen', ARGV[2], 'garbage', garbage)
end
redis.call('HSET', KEYS[1], 'at', ARGV[3], 'head', ARGV[4], 'orders', 0)
return {'ok', garbage}
`;

/** ARGV: owner, a generation whose keys are deleted. */
export const COLLECTED = `${OWNED}
local garbage = redis.call('HGET', KEYS[1], 'garbage') or ''
local first, last = string.find(garbage, ARGV[2] .. ' ', 1, true)
if first then
  redis.call('HSET', KEYS[1], 'garbage', string.sub(garbage, 1, first - 1) .. string.sub(garbage, last + 1))
end
return {'ok'}
`;

/** KEYS: orders. → how many are there */
export const COUNT = `
local count = 0
for i = 1, #KEYS do count = count + redis.call('EXISTS', KEYS[i]) end
return {'ok', count}
`;

/** KEYS: addresses' hashes. → how many parts each has */
export const LENGTHS = `
local lengths = {'ok'}
for i = 1, #KEYS do lengths[i + 1] = redis.call('HLEN', KEYS[i]) end
return lengths
`;
