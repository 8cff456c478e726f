"""The Lua behind `HotLists`; each script is atomic on its node and repeats safely.

Ids are 8 big-endian bytes. Lua's own `<` on strings follows the server's locale and a Lua number
holds 53 bits, so ids are compared as two 32-bit halves. A sentinel begins with 8 zero bytes and so
compares as id 0: below every id.

A list that is damaged, or is none, is dropped: its next reader fills it anew. It must fail neither
that reader nor the push of a page of others.
"""

__all__ = ["BEGIN_WARM", "FINISH_WARM", "PUSH", "READ", "READ_BESIDE", "REMOVE"]

_COMPARE = """
local ZERO = string.rep('\\0', 8)
local function is_sentinel(s) return string.sub(s, 1, 8) == ZERO end
local function newer(a, b)
  local ah, al = struct.unpack('>I4I4', a)
  local bh, bl = struct.unpack('>I4I4', b)
  return ah > bh or (ah == bh and al > bl)
end
"""

PUSH = (
    _COMPARE
    + """
-- KEYS: lists; ARGV: capacity, slack, joined ids (oldest first, no double), and for each list how
-- many of them it takes and their places, from 0 and rising, in 16 bits each; '' where each list
-- takes all. Returns the number of lists that changed.
local capacity, slack = tonumber(ARGV[1]), tonumber(ARGV[2])
local given, places = ARGV[3], ARGV[4]
local ids = {}
for from = 1, #given, 8 do ids[#ids + 1] = string.sub(given, from, from + 7) end
-- Late ids are nearly always a few places from the head, so the search goes in small steps.
local STEP = 32

local function insert_older(key, id)
  local tail = redis.call('LINDEX', key, -1)
  if not is_sentinel(tail) and not newer(id, tail) then return 0 end
  local from = 0
  while true do
    local part = redis.call('LRANGE', key, from, from + STEP - 1)
    for _, other in ipairs(part) do
      if other == id then return 0 end
      if newer(id, other) then return redis.call('LINSERT', key, 'BEFORE', other, id) end
    end
    if #part < STEP then return 0 end
    from = from + STEP
  end
end

-- Returns the length of the list, or 0 if nothing changed.
local function put(key, head, wanted)
  if newer(wanted[1], head) then return redis.call('LPUSH', key, unpack(wanted)) end
  local length = 0
  for _, id in ipairs(wanted) do
    local grown = 0
    if newer(id, head) then
      grown, head = redis.call('LPUSH', key, id), id
    elseif id ~= head then
      grown = insert_older(key, id)
    end
    if grown > 0 then length = grown end
  end
  return length
end

local function push(key, wanted)
  local head = redis.call('LINDEX', key, 0)
  if not head then return 0 end
  local length = put(key, head, wanted)
  if length > capacity + slack then
    local tail = redis.call('LINDEX', key, -1)
    if #tail > 8 then
      -- A warm goes on: its sentinel stays, and one id over capacity marks the cut.
      redis.call('LTRIM', key, 0, capacity)
      redis.call('RPUSH', key, tail)
    else
      redis.call('LTRIM', key, 0, capacity - 1)
    end
  end
  return length > 0 and 1 or 0
end

local at = 1
local function next_wanted()
  if places == '' then return ids end
  local wanted = {}
  local count
  count, at = struct.unpack('>H', places, at)
  for n = 1, count do
    local place
    place, at = struct.unpack('>H', places, at)
    wanted[n] = ids[place + 1]
  end
  return wanted
end

local changed = 0
for _, key in ipairs(KEYS) do
  local sound, pushed = pcall(push, key, next_wanted())
  if sound then
    changed = changed + pushed
  else
    redis.call('DEL', key)
  end
end
return changed
"""
)

_READ_LIST = (
    _COMPARE
    + """
local function read_sound(key, before, count, ttl)
  local tail = redis.call('LINDEX', key, -1)
  if not tail then return false end
  if #tail > 8 and is_sentinel(tail) then return false end
  if #tail ~= 8 then error('damaged') end
  local length = redis.call('LLEN', key)
  local complete = tail == ZERO
  if complete then length = length - 1 end
  local from = 0
  if before == '' then
    -- Readers keep their list alive; a write is spent on it only in the second half of its life.
    if ttl > 0 and redis.call('PTTL', key) * 2 < ttl then redis.call('PEXPIRE', key, ttl) end
  else
    local high = length
    while from < high do
      local middle = math.floor((from + high) / 2)
      if newer(before, redis.call('LINDEX', key, middle)) then
        high = middle
      else
        from = middle + 1
      end
    end
  end
  local last = math.min(from + count, length) - 1
  local ids = ''
  if last >= from then ids = table.concat(redis.call('LRANGE', key, from, last)) end
  if #ids ~= 8 * math.max(0, last - from + 1) then error('damaged') end
  return {ids, (complete and last + 1 >= length) and 1 or 0}
end

-- Returns false for a miss, or {joined ids, 1 if the end was reached}.
-- A TTL of 0 renews nothing.
local function read(key, before, count, ttl)
  local sound, found = pcall(read_sound, key, before, count, ttl)
  if sound then return found end
  redis.call('DEL', key)
  return false
end
"""
)

READ = (
    _READ_LIST
    + """
-- KEYS: lists; ARGV: id to start below or '', count, TTL in ms. Returns what `read` does of each.
local before, count, ttl = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local found = {}
for n, key in ipairs(KEYS) do found[n] = read(key, before, count, ttl) end
return found
"""
)

_BEGIN_WARM_LIST = """
local function begin_warm(key, sentinel, expiry)
  local tail = redis.call('LINDEX', key, -1)
  if tail then return tail == sentinel and 1 or 0 end
  redis.call('RPUSH', key, sentinel)
  redis.call('PEXPIRE', key, expiry)
  return 1
end
"""

READ_BESIDE = (
    _READ_LIST
    + _BEGIN_WARM_LIST
    + """
-- KEYS: guarded entry, list, mark of what the viewer did; ARGV: nonce that the caller knows the
-- rest of or '', nonce for an absent entry or mark, TTL of both in ms, then as READ, then as
-- BEGIN_WARM, or '' for no warming.
-- Returns {'' if the entry still has the nonce, else the entry; what READ returns; what BEGIN_WARM
-- returns, 0 where there is no miss; the mark}.
local entry = redis.pcall('GETRANGE', KEYS[1], 0, #ARGV[2] - 1)
if type(entry) == 'table' or entry == '' then
  entry = ARGV[2]
  redis.call('SET', KEYS[1], entry, 'PX', ARGV[3])
elseif entry == ARGV[1] then
  entry = ''
else
  entry = redis.call('GET', KEYS[1])
end
local found = read(KEYS[2], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]))
local warming = 0
if not found and ARGV[7] ~= '' then warming = begin_warm(KEYS[2], ARGV[7], ARGV[8]) end
local mark = redis.pcall('GET', KEYS[3])
if type(mark) ~= 'string' then
  mark = ARGV[2]
  redis.call('SET', KEYS[3], mark, 'PX', ARGV[3])
end
return {entry, found, warming, mark}
"""
)

BEGIN_WARM = (
    _BEGIN_WARM_LIST
    + """
-- KEYS: list; ARGV: warming sentinel, expiry in ms. Returns 1 if the caller is the warmer.
return begin_warm(KEYS[1], ARGV[1], ARGV[2])
"""
)

FINISH_WARM = (
    _COMPARE
    + """
-- KEYS: list; ARGV: warming sentinel, joined ids (newest first, no double), 1 if complete,
-- capacity, TTL in ms. Returns 1, or 0 if the sentinel is not there.
local key, given, complete = KEYS[1], ARGV[2], ARGV[3] == '1'
local capacity = tonumber(ARGV[4])
if redis.call('LINDEX', key, -1) ~= ARGV[1] then return 0 end
local pushed = redis.call('LRANGE', key, 0, -2)
local union, p, g = {}, 1, 1
while true do
  local a, b = pushed[p], nil
  if g < #given then b = string.sub(given, g, g + 7) end
  -- Below the given ids lies what the warmer did not read: a late push down there is left out,
  -- as the list would have a gap above it.
  if not b and not complete then a = nil end
  if not a and not b then break end
  if b and (not a or not newer(a, b)) then
    union[#union + 1] = b
    g = g + 8
    if a == b then p = p + 1 end
  else
    union[#union + 1] = a
    p = p + 1
  end
end
local size = math.min(#union, capacity)
if complete and #union <= capacity then
  size = size + 1
  union[size] = ZERO
end
redis.call('DEL', key)
-- Lua's stack bounds the arguments of one call.
for from = 1, size, 1000 do
  redis.call('RPUSH', key, unpack(union, from, math.min(from + 999, size)))
end
if size > 0 then redis.call('PEXPIRE', key, ARGV[5]) end
return 1
"""
)

REMOVE = """
-- KEYS: list; ARGV: id. Returns 1 if a list was changed.
local tail = redis.pcall('LINDEX', KEYS[1], -1)
if not tail then return 0 end
if type(tail) == 'table' then return redis.call('DEL', KEYS[1]) end
-- The warmer may have read the id already and would bring it back: the warm starts over.
if #tail > 8 then return redis.call('DEL', KEYS[1]) end
return redis.call('LREM', KEYS[1], 1, ARGV[1])
"""
