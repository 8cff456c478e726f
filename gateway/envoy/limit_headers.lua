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

-- `by` names a budget, or is `step-up` where proof of work is asked for; only filters of ours set it.
local function refusal(by, wait)
  local reason, metadata = "RATE_LIMITED", '"budget":"' .. by .. '"'
  if by == "step-up" then
    reason, metadata = "STEP_UP_REQUIRED", '"challenge":"/v1/challenges"'
  end
  return '{"code":8,"message":"too many requests","details":['
    .. '{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"' .. reason
    .. '","domain":"aviary","metadata":{' .. metadata .. '}},'
    .. '{"@type":"type.googleapis.com/google.rpc.RetryInfo","retry_delay":"' .. wait .. 's"}]}'
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
  local wait = tostring(math.max(1, tonumber(reset) or 1))
  headers:replace("retry-after", wait)
  local content_type = headers:get("content-type") or ""
  if string.find(content_type, "application/json", 1, true) == 1 then
    handle:body(true):setBytes(refusal(by, wait))
  end
end
