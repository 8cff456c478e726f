-- Names the tightest of the budgets that a request met, and says it in the API's own header names.
--
-- Each local limiter, and the rate limit service, adds one value to each of the x-ratelimit-*
-- headers. Picking the least of several needs a comparison, which no native filter makes.

local LIMIT = "x-ratelimit-limit"
local REMAINING = "x-ratelimit-remaining"
local RESET = "x-ratelimit-reset"
local LIMITED_BY = "x-limited-by"

local function tightest(headers)
  local best, remaining
  for index = 0, headers:getNumValues(REMAINING) - 1 do
    local left = tonumber(headers:getAtIndex(REMAINING, index))
    if left and (not remaining or left < remaining) then
      best, remaining = index, left
    end
  end
  return best, remaining
end

local TYPES = "type.googleapis.com/google.rpc."
local MESSAGE = "too many requests"

-- `by` names a budget, or is `step-up` where proof of work is asked for; only filters of ours set it.
local function reason_for(by)
  if by == "step-up" then
    return "STEP_UP_REQUIRED", "challenge", "/v1/challenges"
  end
  return "RATE_LIMITED", "budget", by
end

-- Where clients of OAuth ask, the reply has their fields already (gateway/envoy/local_replies.py).
local function as_json(by, wait, before)
  local reason, key, value = reason_for(by)
  local oauth = before:match('"error":"[%w_]+"')
  local said = oauth and oauth .. ',"error_description":"' .. MESSAGE .. '",' or ""
  return '{' .. said .. '"code":8,"message":"' .. MESSAGE .. '","details":['
    .. '{"@type":"' .. TYPES .. 'ErrorInfo","reason":"' .. reason
    .. '","domain":"aviary","metadata":{"' .. key .. '":"' .. value .. '"}},'
    .. '{"@type":"' .. TYPES .. 'RetryInfo","retry_delay":"' .. wait .. 's"}]}'
end

-- The encoding of protobuf: a varint, a field of one, and a field of bytes.
local function varint(number)
  local encoded = ""
  while number >= 128 do
    encoded = encoded .. string.char(number % 128 + 128)
    number = math.floor(number / 128)
  end
  return encoded .. string.char(number)
end

local function integer(field, number)
  return string.char(field * 8) .. varint(number)
end

local function bytes(field, value)
  return string.char(field * 8 + 2) .. varint(#value) .. value
end

local function detail(name, value)
  return bytes(3, bytes(1, TYPES .. name) .. bytes(2, value))
end

-- The same as a google.rpc.Status.
local function as_status(by, wait)
  local reason, key, value = reason_for(by)
  local metadata = bytes(3, bytes(1, key) .. bytes(2, value))
  return integer(1, 8)
    .. bytes(2, MESSAGE)
    .. detail("ErrorInfo", bytes(1, reason) .. bytes(2, "aviary") .. metadata)
    .. detail("RetryInfo", bytes(1, integer(1, wait)))
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local best, remaining = tightest(headers)
  if not best then return end
  local reset = headers:getAtIndex(RESET, best) or "0"
  headers:replace("x-rate-limit-limit", headers:getAtIndex(LIMIT, best) or "0")
  headers:replace("x-rate-limit-remaining", tostring(remaining))
  headers:replace("x-rate-limit-reset", reset)
  headers:remove(LIMIT)
  headers:remove(REMAINING)
  headers:remove(RESET)
  local by = headers:get(LIMITED_BY)
  if not by then return end
  headers:remove(LIMITED_BY)
  local wait = math.max(1, math.floor(tonumber(reset) or 1))
  headers:replace("retry-after", tostring(wait))
  if headers:get("grpc-status") then
    headers:replace("grpc-status-details-bin", handle:base64Escape(as_status(by, wait)))
    return
  end
  local content_type = headers:get("content-type") or ""
  if string.find(content_type, "application/json", 1, true) == 1 then
    local body = handle:body(true)
    body:setBytes(as_json(by, wait, body:getBytes(0, body:length())))
  end
end
