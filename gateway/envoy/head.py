"""HEAD wherever GET is taken: the same answer without its body (RFC 9110, 9.3.2)."""

from typing import Any

from gateway.envoy.extensions import HTTP_FILTERS, typed
from gateway.envoy.matching import header_is, only_where

__all__ = ["HEAD", "READING", "head_filter"]

READING = "GET|HEAD"
"""The methods that a path which takes GET takes."""

HEAD = "aviary.head"
# The mark, since an answer to a request that no filter has seen passes here too. Chunk by chunk, so
# that no answer is too large to be thrown away.
SCRIPT = """\
local name = "aviary.head"

function envoy_on_request(handle)
  handle:headers():replace(":method", "GET")
  handle:streamInfo():dynamicMetadata():set(name, "asked", true)
end

function envoy_on_response(handle)
  if handle:streamInfo():dynamicMetadata():get(name) == nil then
    return
  end
  for chunk in handle:bodyChunks() do
    chunk:setBytes("")
  end
end
"""


def head_filter() -> dict[str, Any]:
    """Build the filter that makes a GET of it, behind which nothing knows of HEAD."""
    script = typed(f"{HTTP_FILTERS}.lua.v3.Lua", default_source_code={"inline_string": SCRIPT})
    return only_where(
        header_is(":method", {"exact": "HEAD"}), {"name": HEAD, "typed_config": script}
    )
