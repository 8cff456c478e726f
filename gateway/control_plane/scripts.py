"""The Lua behind the shared limits; each script is atomic and touches one subject's keys only.

`now` is the asking replica's clock. What is dated ahead of it by more than clocks differ was noted
by a clock that was wrong, and would keep its subject out until that time: counts go on from now,
and scores are forgiven.
"""

__all__ = ["COUNT", "COUNT_POST", "NOTE_ACCOUNT", "RAISE", "WINDOW_SLOTS"]

WINDOW_SLOTS = 60
"""Slots of a sliding window. The slot that has half left the window counts in full, so the promise
holds for every span, and a subject waits at most a sixtieth of it too long."""

COUNT = """
-- KEYS: counts, reputation. ARGV: now, suspect, hostile (ms ahead), divisor of a suspect, of a
-- hostile subject, slots of a window, most (ms ahead that a score can be), skew of clocks in ms,
-- then for each budget: 'b' or 'w', amount, span in ms.
-- Gives {allowed, limit, remaining, reset_ms, budget's number, reputation (0 good, 1, 2)}.
local now, skew = tonumber(ARGV[1]), tonumber(ARGV[8])
local moment = tonumber(redis.call('GET', KEYS[2]) or 0) or 0
if moment - now > tonumber(ARGV[7]) + skew then
  redis.call('DEL', KEYS[2])
  moment = 0
end
local reputation, by = 0, 1
if moment - now >= tonumber(ARGV[3]) then
  reputation, by = 2, tonumber(ARGV[5])
elseif moment - now >= tonumber(ARGV[2]) then
  reputation, by = 1, tonumber(ARGV[4])
end
local SLOTS = tonumber(ARGV[6])
local kept = {}
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do kept[flat[i]] = tonumber(flat[i + 1]) end

-- Each gives: left after this request (below 0: refused), ms until one more is let through.
local function bucket(number, capacity, span)
  local rate = capacity / span
  local at = number .. ':t'
  if kept[at] and kept[at] > now + skew then
    kept[at] = now
    redis.call('HSET', KEYS[1], at, tostring(now))
  end
  local since = math.max(0, now - (kept[at] or now))
  local tokens = math.min(capacity, (kept[number .. ':n'] or capacity) + since * rate) - 1
  local missing = (tokens < 0) and -tokens or math.max(0, 1 - tokens)
  return tokens, missing / rate
end

local function window(number, limit, span)
  local width = span / SLOTS
  local oldest, current = math.floor((now - span) / width), math.floor(now / width)
  local slots, count = {}, 0
  for field, n in pairs(kept) do
    local slot = tonumber(string.match(field, '^' .. number .. ':w(%d+)$'))
    if slot and slot * width > now + skew then
      redis.call('HDEL', KEYS[1], field)
      redis.call('HINCRBY', KEYS[1], number .. ':w' .. current, n)
      slot = current
    end
    if slot and slot >= oldest then
      slots[#slots + 1] = {slot, n}
      count = count + n
    elseif slot then
      redis.call('HDEL', KEYS[1], field)
    end
  end
  table.sort(slots, function(a, b) return a[1] < b[1] end)
  local left = limit - count - 1
  local to_go, wait = (left < 0) and -left or (1 - left), 0
  for _, slot in ipairs(slots) do
    if to_go <= 0 then break end
    to_go = to_go - slot[2]
    wait = (slot[1] + 1) * width + span - now
  end
  if to_go > 0 then wait = span end
  return left, (left >= 1) and 0 or wait
end

local budgets, allowed = {}, true
for i = 9, #ARGV, 3 do
  local number = (i - 9) / 3
  local amount = math.max(1, math.floor(tonumber(ARGV[i + 1]) / by))
  local span = tonumber(ARGV[i + 2])
  local measure = (ARGV[i] == 'b') and bucket or window
  local left, wait = measure(number, amount, span)
  budgets[#budgets + 1] = {number, ARGV[i], amount, span, left, wait}
  if left < 0 then allowed = false end
end
local tightest
for _, budget in ipairs(budgets) do
  if not tightest or budget[5] < tightest[5] then tightest = budget end
end
if allowed then
  local longest = 0
  for _, budget in ipairs(budgets) do
    local number, kind, span, left = budget[1], budget[2], budget[4], budget[5]
    longest = math.max(longest, span)
    if kind == 'b' then
      local at = number .. ':t'
      redis.call('HSET', KEYS[1], number .. ':n', tostring(left),
        at, tostring(math.max(now, kept[at] or now)))
    else
      redis.call('HINCRBY', KEYS[1], number .. ':w' .. math.floor(now / (span / SLOTS)), 1)
    end
  end
  redis.call('PEXPIRE', KEYS[1], 2 * longest)
end
local left = math.max(0, math.floor(tightest[5]))
local wait = (allowed and left >= 1) and 0 or math.ceil(tightest[6])
return {allowed and 1 or 0, tightest[3], left, wait, tightest[1], reputation}
"""

RAISE = """
-- KEYS: reputation. ARGV: now, points, half-life in ms, most ms ahead, skew of clocks in ms. Gives
-- the new moment, in ms.
local now, half_life = tonumber(ARGV[1]), tonumber(ARGV[3])
local moment = tonumber(redis.call('GET', KEYS[1]) or 0) or 0
if moment - now > tonumber(ARGV[4]) + tonumber(ARGV[5]) then moment = 0 end
local score = (moment > 0) and math.pow(2, (moment - now) / half_life) or 0
score = score + tonumber(ARGV[2])
local ahead = math.min(tonumber(ARGV[4]), half_life * math.log(score) / math.log(2))
moment = math.floor(now + ahead)
-- A score far below 1 says nothing any more.
local lives = math.ceil(math.max(1, ahead) + 4 * half_life)
redis.call('SET', KEYS[1], string.format('%.0f', moment), 'PX', lives)
return moment
"""

COUNT_POST = """
-- KEYS: posts of one text. ARGV: s that they are remembered. Gives how many there are now.
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return count
"""

NOTE_ACCOUNT = """
-- KEYS: accounts of an address in an hour. ARGV: an account, s that they are remembered. Gives
-- {1 if it is a new one, how many there are}.
local new = redis.call('PFADD', KEYS[1], ARGV[1])
if new == 1 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return {new, redis.call('PFCOUNT', KEYS[1])}
"""
