-- Refuses a body of JSON that a strict reader has refused, names that the request does not have, and
-- names that are there twice: the transcoder would mend, pass over, or take the last of them.
--
-- What it walks through is JSON by then, so it looks for the tokens that matter and no other.

local VERDICT = "aviary.json"
local NAME_BYTES = 64 -- of a name that is shown; no name of ours is longer

-- Whatever has no names, or names that are not ours to know, may hold anything.
local function child_of(names, name)
  local found = names and names[name]
  return type(found) == "table" and next(found) ~= nil and found or nil
end

local function shown(name)
  return name:match("^[%w_.-]+$") and #name <= NAME_BYTES and ' "' .. name .. '"' or ""
end

local function end_of_string(text, at)
  while true do
    at = text:find('["\\]', at + 1)
    if text:byte(at) == 34 then return at end
    at = at + 1 -- what is escaped
  end
end

-- Gives what is wrong with a name, or nil.
local function wrong_name(text, names)
  local open, inside, at = {}, nil, 0
  while true do
    at = text:find('["{}%[%],:]', at + 1)
    if not at then return nil end
    local token = text:sub(at, at)
    if token == '"' then
      local last = end_of_string(text, at)
      if inside and inside.wants_name then
        local name = text:sub(at + 1, last - 1)
        if inside.names and inside.names[name] == nil then return "unknown field" .. shown(name) end
        if inside.seen[name] then return "field" .. shown(name) .. " is given twice" end
        inside.seen[name], inside.wants_name, inside.child = true, false, child_of(inside.names, name)
      end
      at = last
    elseif token == "{" then
      local its = names
      if inside then its = inside.child end
      inside = { names = its, seen = {}, wants_name = true }
      open[#open + 1] = inside
    elseif token == "[" then
      inside = { child = inside and inside.child }
      open[#open + 1] = inside
    elseif token == "}" or token == "]" then
      open[#open] = nil
      inside = open[#open]
    elseif token == "," and inside.seen then
      inside.wants_name = true
    end
  end
end

local function refuse(handle, why)
  handle:respond({ [":status"] = "400" }, why)
end

function envoy_on_request(handle)
  local body = handle:body()
  if body == nil or body:length() == 0 then return end
  local verdict = handle:streamInfo():dynamicMetadata():get(VERDICT)
  if not (verdict and verdict["is_json"]) then
    return refuse(handle, "the body is not JSON as RFC 8259 has it")
  end
  local wrong = wrong_name(body:getBytes(0, body:length()), handle:filterContext():get("names"))
  if wrong then refuse(handle, wrong) end
end
