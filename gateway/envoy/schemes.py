"""The scheme of `Authorization`, which ignores case (RFC 9110, 11.1).

Envoy's check of tokens looks for the letters `Bearer ` anywhere in the header. So `bearer` is spelt
like that before, and what only ends in it is no scheme of ours.
"""

from typing import Any

from gateway.envoy.extensions import HTTP_FILTERS, typed
from gateway.envoy.matching import header_is, only_where

__all__ = ["BEARER", "scheme_filter"]

BEARER = "Bearer "
"""As Envoy looks for it: the scheme, and the blank behind it."""

# Behind the firewall, which lets no two credentials through.
SCRIPT = """\
function envoy_on_request(handle)
  local headers = handle:headers()
  local scheme, shown = headers:get("authorization"):match("^(%S+)( .*)$")
  if scheme and scheme:lower() == "bearer" then
    headers:replace("authorization", "Bearer" .. shown)
  else
    headers:remove("authorization")
  end
end
"""


def scheme_filter() -> dict[str, Any]:
    """Build the filter; it runs where the scheme is spelt in another way than Envoy's."""
    script = typed(f"{HTTP_FILTERS}.lua.v3.Lua", default_source_code={"inline_string": SCRIPT})
    looks_like_it = header_is(
        "authorization", {"safe_regex": {"google_re2": {}, "regex": "(?i)[^ ]*bearer .*"}}
    )
    as_envoy_has_it = header_is("authorization", {"prefix": BEARER})
    other = {"and_matcher": {"predicate": [looks_like_it, {"not_matcher": as_envoy_has_it}]}}
    return only_where(other, {"name": "aviary.scheme", "typed_config": script})
