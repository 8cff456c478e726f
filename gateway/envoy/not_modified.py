"""`If-None-Match` on what is read once and kept: a client that has it gets a 304 of a few bytes.

The service names what it answers with (`etag` in its initial metadata); the edge compares. Lua runs
for requests that ask, and for no others.
"""

from typing import Any

from gateway.envoy.contracts import PublicRpc
from gateway.envoy.extensions import API, HTTP_FILTERS, typed

__all__ = ["answers_not_modified", "not_modified_filter"]

NAME = "aviary.not_modified"
# Weak comparison (RFC 9110, 13.1.2): `W/` does not count. Metadata is what a request can leave
# behind for its answer.
SCRIPT = """\
local name = "aviary.not_modified"

function envoy_on_request(handle)
  local headers = handle:headers()
  local asked = {}
  for at = 0, headers:getNumValues("if-none-match") - 1 do
    asked[#asked + 1] = headers:getAtIndex("if-none-match", at)
  end
  handle:streamInfo():dynamicMetadata():set(name, "asked", table.concat(asked, ","))
end

local function has(asked, etag)
  if asked:match("^%s*%*%s*$") then
    return true
  end
  local wanted = etag:match('"[^"]*"')
  for one in asked:gmatch('"[^"]*"') do
    if one == wanted then
      return true
    end
  end
  return false
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local etag = headers:get("etag")
  local asked = handle:streamInfo():dynamicMetadata():get(name)
  if etag == nil or asked == nil or headers:get(":status") ~= "200" then
    return
  end
  if has(asked["asked"], etag) then
    local body = handle:body()
    if body ~= nil then
      body:setBytes("")
    end
    -- Anew: waiting for the body has ended the life of the other.
    headers = handle:headers()
    headers:replace(":status", "304")
    headers:remove("content-length")
    headers:remove("content-type")
    headers:remove("content-encoding")
  end
end
"""


def not_modified_filter() -> dict[str, Any]:
    """Build the filter; off but on the routes of `answers_not_modified`."""
    script = typed(f"{HTTP_FILTERS}.lua.v3.Lua", default_source_code={"inline_string": SCRIPT})
    return {"name": NAME, "disabled": True, "typed_config": script}


def answers_not_modified(rpc: PublicRpc, route: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the route of the requests that have an answer already; none for most RPCs."""
    if not rpc.has_etag:
        return []
    asks = {"name": "if-none-match", "present_match": True}
    match = route["match"]
    script = typed(f"{HTTP_FILTERS}.lua.v3.LuaPerRoute")
    switch = typed(f"{API}.config.route.v3.FilterConfig", config=script)
    return [
        route
        | {
            "match": match | {"headers": [*match["headers"], asks]},
            "typed_per_filter_config": route["typed_per_filter_config"] | {NAME: switch},
        }
    ]
