"""201 for an answer that says where what was made is (`location` in its initial metadata).

The transcoder answers 200 to whatever succeeds. Lua runs on the routes of such RPCs, where they are
translated: a service that answers over HTTP says 201 itself.
"""

from typing import Any

from gateway.envoy.contracts import PublicRpc
from gateway.envoy.extensions import API, HTTP_FILTERS, typed

__all__ = ["answers_created", "created_filter"]

NAME = "aviary.created"
# An error has no location: its call ended before anything was said.
SCRIPT = """\
function envoy_on_response(handle)
  local headers = handle:headers()
  if headers:get("location") ~= nil and headers:get(":status") == "200" then
    headers:replace(":status", "201")
  end
end
"""


def created_filter() -> dict[str, Any]:
    """Build the filter; off but on the routes of `answers_created`."""
    script = typed(f"{HTTP_FILTERS}.lua.v3.Lua", default_source_code={"inline_string": SCRIPT})
    return {"name": NAME, "disabled": True, "typed_config": script}


def answers_created(rpc: PublicRpc) -> dict[str, Any]:
    """Switch the filter on, on a route of an RPC that makes something; nothing for others."""
    if not rpc.creates:
        return {}
    script = typed(f"{HTTP_FILTERS}.lua.v3.LuaPerRoute")
    return {NAME: typed(f"{API}.config.route.v3.FilterConfig", config=script)}
