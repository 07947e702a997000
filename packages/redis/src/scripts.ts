// The scripts: each compares before it writes, and writes last, as a script that stops half-way isn't rolled back.
//
// KEYS[1] is the partition's meta, ARGV[1] the owner. A reply is a list that begins with `ok`, or with why it was refused.

const OWNED = `
local meta = redis.call('HMGET', KEYS[1], 'owner', 'gen', 'at', 'orders', 'addresses', 'head')
if meta[1] ~= ARGV[1] then return {'another owner'} end
`;

const OF_THE_GENERATION = `${OWNED}
if meta[2] ~= ARGV[2] then return {'another checkpoint'} end
`;

/** KEYS[2] index, KEYS[3] addresses: as many as there should be. */
const COUNTED = `
if redis.call('HLEN', KEYS[2]) ~= tonumber(meta[4]) or redis.call('HLEN', KEYS[3]) ~= tonumber(meta[5]) then return {'gone'} end
`;

/** ARGV: owner, format. → ok, generation, garbage */
export const CLAIM = `
local format = redis.call('HGET', KEYS[1], 'format')
if format ~= ARGV[2] and redis.call('EXISTS', KEYS[1]) == 1 then return {'format', format or 'none'} end
redis.call('HSETNX', KEYS[1], 'gen', ARGV[1])
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'format', ARGV[2])
return {'ok', redis.call('HGET', KEYS[1], 'gen'), redis.call('HGET', KEYS[1], 'garbage') or ''}
`;

/** ARGV: owner, generation. → ok, head or '', orders, addresses */
export const HEAD = `${OF_THE_GENERATION}
return {'ok', meta[6] or '', meta[4] or '0', meta[5] or '0'}
`;

/**
 * KEYS[2] index, KEYS[3] addresses, then orders, then addresses' hashes. ARGV: owner, generation, at, number of orders, the
 * addresses. → ok, bodies, a list of parts and bodies for each address
 */
export const PREFETCH = `${OF_THE_GENERATION}
if meta[3] ~= ARGV[3] then return {'another checkpoint'} end
${COUNTED}
local orders = tonumber(ARGV[4])
local bodies = {}
for i = 1, orders do
  local body = redis.call('GET', KEYS[3 + i])
  if not body then return {'gone'} end
  bodies[i] = body
end
local parts = {}
for i = 1, #KEYS - 3 - orders do
  local found = redis.call('HGETALL', KEYS[3 + orders + i])
  local listed = tonumber(redis.call('HGET', KEYS[3], ARGV[4 + i]) or '0')
  if #found ~= 2 * listed then return {'gone'} end
  parts[i] = found
end
return {'ok', bodies, parts}
`;

/**
 * KEYS[2] index, KEYS[3] addresses, then orders to keep, orders to delete, and hashes of the addresses whose parts change.
 * ARGV: owner, generation, at before, at, head, number of orders, of orders to delete; then three texts an order to keep (time
 * to live and deadline, field, body), the field of each to delete, the addresses, one text a part (place among the addresses,
 * negative to delete it; part, body). Redis takes a million arguments at most, and Lua some thousands of one call: entries of
 * the index are written by the hundred.
 */
export const CHECKPOINT = `${OF_THE_GENERATION}
if not meta[3] then return {'another checkpoint'} end
if meta[3] == ARGV[4] then return {'ok'} end
if meta[3] ~= ARGV[3] then return {'another checkpoint'} end
${COUNTED}
local orders = tonumber(ARGV[6])
local gone = tonumber(ARGV[7])
local kept = orders - gone
local before = 7 + 3 * kept + gone
local changed = #KEYS - 3 - orders
for i = 1, changed do
  local listed = tonumber(redis.call('HGET', KEYS[3], ARGV[before + i]) or '0')
  if redis.call('HLEN', KEYS[3 + orders + i]) ~= listed then return {'gone'} end
end
local at = 8
local entries, count = {}, 0
for i = 4, 3 + kept do
  local times, field = ARGV[at], ARGV[at + 1]
  local space = string.find(times, ' ', 1, true)
  redis.call('SET', KEYS[i], ARGV[at + 2], 'PX', string.sub(times, 1, space - 1))
  entries[count + 1], entries[count + 2] = field, string.sub(times, space + 1)
  count = count + 2
  if count == 200 then
    redis.call('HSET', KEYS[2], unpack(entries))
    entries, count = {}, 0
  end
  at = at + 3
end
if count > 0 then redis.call('HSET', KEYS[2], unpack(entries)) end
for i = 0, gone - 1, 100 do
  local last = math.min(i + 100, gone) - 1
  redis.call('DEL', unpack(KEYS, 4 + kept + i, 4 + kept + last))
  redis.call('HDEL', KEYS[2], unpack(ARGV, at + i, at + last))
end
for i = before + changed + 1, #ARGV do
  local place, part, body = string.match(ARGV[i], '^(-?%d+) (%S+) ()')
  local key = KEYS[3 + orders + math.abs(tonumber(place))]
  if tonumber(place) < 0 then
    redis.call('HDEL', key, part)
  else
    redis.call('HSET', key, part, string.sub(ARGV[i], body))
  end
end
for i = 1, changed do
  local count = redis.call('HLEN', KEYS[3 + orders + i])
  if count == 0 then
    redis.call('HDEL', KEYS[3], ARGV[before + i])
  else
    redis.call('HSET', KEYS[3], ARGV[before + i], count)
  end
end
redis.call('HSET', KEYS[1], 'at', ARGV[4], 'head', ARGV[5],
  'orders', redis.call('HLEN', KEYS[2]), 'addresses', redis.call('HLEN', KEYS[3]))
return {'ok'}
`;

/** ARGV: owner, generation, the new generation, at, head. → ok, garbage */
export const RESET = `${OWNED}
local garbage = redis.call('HGET', KEYS[1], 'garbage') or ''
if meta[2] == ARGV[3] then return {'ok', garbage} end
if meta[2] ~= ARGV[2] then return {'another checkpoint'} end
garbage = garbage .. meta[2] .. ' '
redis.call('HSET', KEYS[1], 'gen', ARGV[3], 'garbage', garbage, 'at', ARGV[4], 'head', ARGV[5], 'orders', 0, 'addresses', 0)
return {'ok', garbage}
`;

/** KEYS of an old generation. ARGV: owner, that generation, and `last` when it has no others. → ok */
export const SWEEP = `${OWNED}
local garbage = redis.call('HGET', KEYS[1], 'garbage') or ''
local first, last = string.find(garbage, ARGV[2] .. ' ', 1, true)
if not first then return {'gone'} end
for i = 2, #KEYS do redis.call('UNLINK', KEYS[i]) end
if ARGV[3] == 'last' then
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
