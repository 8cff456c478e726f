"""The Lua scripts of the Valkey bus: each moves messages between two homes in one step.

A message is at any moment in exactly one of three keys of its subscription: the stream, the sorted
set of delayed ones (score: due time in ms by the server's clock) or the stream of dead letters. An
entry's fields are, in this order, `d` (body), `a` (attributes as JSON) and `n` (attempt number of
its first delivery from this entry); one that was delayed also has `o` (outages so far) and `t`
(Unix ms of the publishing, which is otherwise in the entry's id). A dead letter has `r` (reason)
in place of `n`.

Of an entry that can be read, fields with other names are a newer version's. They stay with the
message wherever it goes: among the delayed ones as a list behind the rest, in a dead letter each
under `more:` and its name.

What lies there may also have been written by another hand, or be damaged, and each entry stands
alone: no script fails for what one holds. An entry that cannot be read becomes a dead letter with
all its own fields, each under `raw:` and its name; those of one that has more than Lua can hand to
a command are packed into one.
"""

__all__ = ["ACK", "BACKLOG", "DEAD_LETTER", "DELAY", "PUBLISH", "REDRIVE", "TAKE"]

_FIELDS = """
local function named(fields)
  local values = {}
  for at = 1, #fields, 2 do values[fields[at]] = fields[at + 1] end
  return values
end
local OWN = {d = true, a = true, n = true, o = true, t = true}
local function unknown(fields)
  local found = {}
  for at = 1, #fields, 2 do
    if not OWN[fields[at]] then
      found[#found + 1] = fields[at]
      found[#found + 1] = fields[at + 1]
    end
  end
  return found
end
local function bounded(fields)
  -- Lua's stack has some 8,000 places, and `unpack` needs one for each.
  if #fields <= 4000 then return fields end
  return {'packed', cmsgpack.pack(fields)}
end
local function joined(one, other)
  for at = 1, #other do one[#one + 1] = other[at] end
  return one
end
"""

PUBLISH = """
-- KEYS stream; ARGV body and attributes of each message.
for at = 1, #ARGV, 2 do
  redis.call('XADD', KEYS[1], '*', 'd', ARGV[at], 'a', ARGV[at + 1], 'n', 1)
end
return #ARGV / 2
"""

TAKE = (
    _FIELDS
    + """
-- KEYS stream, delayed; ARGV group, consumer, visibility ms, most, reclaim cursor.
-- Returns {next cursor, ms until the next delayed one or -1,
--   {id, deliveries of this entry, its fields}...}.
local function flat(value) return type(value) == 'string' or type(value) == 'number' end
local function are_fields(more)
  if type(more) ~= 'table' or #more % 2 == 1 or #bounded(more) ~= #more then return false end
  for at = 1, #more do
    if not flat(more[at]) then return false end
  end
  return true
end
local function is_message(entry)
  return type(entry) == 'table' and flat(entry[1]) and flat(entry[2]) and flat(entry[3])
    and flat(entry[4]) and flat(entry[5] or 0) and flat(entry[6] or 0)
    and are_fields(entry[7] or {})
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, packed in ipairs(
  redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[4])) do
  local unpacked, entry = pcall(cmsgpack.unpack, packed)
  if unpacked and is_message(entry) then
    local own = {'d', entry[2], 'a', entry[3], 'n', entry[4],
      'o', entry[5] or 0, 't', entry[6] or string.match(entry[1], '^%d+') or ''}
    redis.call('XADD', KEYS[1], '*', unpack(joined(own, entry[7] or {})))
  else
    -- Whoever receives it gives it up, as it gives up any other entry that cannot be read.
    redis.call('XADD', KEYS[1], '*', 'delayed', packed)
  end
  redis.call('ZREM', KEYS[2], packed)
end
local function reclaim()
  return redis.pcall('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[5], 'COUNT', ARGV[4])
end
local claimed = reclaim()
if claimed['err'] then
  -- The server was flushed, or lost its data: the group starts anew, from the oldest entry.
  redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
  claimed = reclaim()
end
local taken = {claimed[1], -1}
for _, entry in ipairs(claimed[2]) do
  local id = entry[1]
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1)
  taken[#taken + 1] = {id, pending[1][4], entry[2]}
end
local nearest = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if nearest[2] then
  taken[2] = math.max(0, nearest[2] - now)
end
return taken
"""
)

ACK = """
-- KEYS stream; ARGV group, ids. Both at once: an entry that was acked, and is still there, would
-- count as waiting for ever.
redis.call('XACK', KEYS[1], unpack(ARGV))
return redis.call('XDEL', KEYS[1], unpack(ARGV, 2))
"""

BACKLOG = """
-- KEYS stream, delayed. Both at once: a message is always in one of them.
return redis.call('XLEN', KEYS[1]) + redis.call('ZCARD', KEYS[2])
"""

DELAY = (
    _FIELDS
    + """
-- KEYS stream, delayed; ARGV group, id, next attempt, delay ms, outages so far.
local entry = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1]
-- Not pending: somebody else has acked or moved it already.
if not entry or redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
local time = redis.call('TIME')
local due = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[4]
-- The id makes equal messages different members.
local fields = named(entry[2])
local published = fields['t'] or string.match(ARGV[2], '^%d+')
local delayed = {ARGV[2], fields['d'], fields['a'], ARGV[3], ARGV[5], published}
local more = bounded(unknown(entry[2]))
-- An older version reads the first six, and passes over the rest.
if #more > 0 then delayed[7] = more end
local packed = cmsgpack.pack(delayed)
redis.call('ZADD', KEYS[2], due, packed)
redis.call('XDEL', KEYS[1], ARGV[2])
return 1
"""
)

DEAD_LETTER = (
    _FIELDS
    + """
-- KEYS stream, dead; ARGV group, id, reason, 1 if the entry cannot be read, ms that one is kept.
local entry = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1]
if not entry or redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
local fields = named(entry[2])
local dead = {'d', fields['d'], 'a', fields['a'], 'r', ARGV[3]}
local more = bounded(unknown(entry[2]))
for at = 1, #more, 2 do
  dead[#dead + 1] = 'more:' .. more[at]
  dead[#dead + 1] = more[at + 1]
end
if ARGV[4] == '1' then
  dead = {'r', ARGV[3]}
  local own = bounded(entry[2])
  for at = 1, #own, 2 do
    dead[#dead + 1] = 'raw:' .. own[at]
    dead[#dead + 1] = own[at + 1]
  end
end
local now = redis.call('TIME')
local oldest = string.format('%.0f', now[1] * 1000 - tonumber(ARGV[5]))
redis.call('XADD', KEYS[2], 'MINID', oldest, '*', unpack(dead))
redis.call('XDEL', KEYS[1], ARGV[2])
return 1
"""
)

REDRIVE = (
    _FIELDS
    + """
-- KEYS stream, dead; ARGV most.
local function beneath(prefix, dead)
  local found = {}
  for at = 1, #dead, 2 do
    if string.sub(dead[at], 1, #prefix) == prefix then
      found[#found + 1] = string.sub(dead[at], #prefix + 1)
      found[#found + 1] = dead[at + 1]
    end
  end
  return found
end
local function revived(dead)
  local fields = named(dead)
  local body, attributes = fields['d'] or fields['raw:d'], fields['a'] or fields['raw:a']
  -- A first attempt, whatever was wrong with the count before.
  local raw = beneath('raw:', dead)
  if body and attributes then
    local more = unknown(joined(beneath('more:', dead), raw))
    return joined({'d', body, 'a', attributes, 'n', 1}, bounded(more))
  end
  -- As it was: whoever receives it may know more, or gives it up again.
  return bounded(#raw > 0 and raw or dead)
end
local entries = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', ARGV[1])
for _, entry in ipairs(entries) do
  redis.call('XADD', KEYS[1], '*', unpack(revived(entry[2])))
  redis.call('XDEL', KEYS[2], entry[1])
end
return #entries
"""
)
