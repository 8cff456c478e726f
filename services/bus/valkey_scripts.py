"""The Lua scripts of the Valkey bus: each moves a message between two homes in one step.

A message is at any moment in exactly one of three keys of its subscription: the stream, the sorted
set of delayed ones (score: due time in ms by the server's clock) or the stream of dead letters. An
entry's fields are, in this order, `d` (body), `a` (attributes as JSON) and `n` (attempt number of
its first delivery from this entry); one that was delayed also has `o` (outages so far) and `t`
(Unix ms of the publishing, which is otherwise in the entry's id). A dead letter has `r` (reason)
in place of `n`.
"""

__all__ = ["DEAD_LETTER", "DELAY", "REDRIVE", "TAKE"]

TAKE = """
-- KEYS stream, delayed; ARGV group, consumer, visibility ms, most, reclaim cursor.
-- Returns {next cursor, ms until the next delayed one or -1,
--   {id, body, attributes, attempt, outages, published ms}...}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, packed in ipairs(
  redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[4])) do
  local entry = cmsgpack.unpack(packed)
  redis.call('XADD', KEYS[1], '*', 'd', entry[2], 'a', entry[3], 'n', entry[4],
    'o', entry[5] or 0, 't', entry[6] or string.match(entry[1], '^%d+'))
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
  local id, fields = entry[1], entry[2]
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1)
  local deliveries = pending[1][4]
  taken[#taken + 1] = {id, fields[2], fields[4], fields[6] + deliveries - 1,
    tonumber(fields[8] or 0), tonumber(fields[10] or string.match(id, '^%d+'))}
end
local nearest = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if nearest[2] then
  taken[2] = math.max(0, nearest[2] - now)
end
return taken
"""

DELAY = """
-- KEYS stream, delayed; ARGV group, id, next attempt, delay ms, outages so far.
local entry = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1]
-- Not pending: somebody else has acked or moved it already.
if not entry or redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
local time = redis.call('TIME')
local due = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[4]
-- The id makes equal messages different members.
local fields = entry[2]
local published = fields[10] or string.match(ARGV[2], '^%d+')
local packed = cmsgpack.pack({ARGV[2], fields[2], fields[4], ARGV[3], ARGV[5], published})
redis.call('ZADD', KEYS[2], due, packed)
redis.call('XDEL', KEYS[1], ARGV[2])
return 1
"""

DEAD_LETTER = """
-- KEYS stream, dead; ARGV group, id, reason.
local entry = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1]
if not entry or redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', 'd', entry[2][2], 'a', entry[2][4], 'r', ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[2])
return 1
"""

REDRIVE = """
-- KEYS stream, dead; ARGV most.
local entries = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', ARGV[1])
for _, entry in ipairs(entries) do
  redis.call('XADD', KEYS[1], '*', 'd', entry[2][2], 'a', entry[2][4], 'n', 1)
  redis.call('XDEL', KEYS[2], entry[1])
end
return #entries
"""
