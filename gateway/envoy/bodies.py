"""JSON bodies are read strictly before the transcoder reads them.

The transcoder takes trailing commas, single quotes and bare names, the last of two equal names, and
passes over names it does not know; no setting makes it stricter (ADR 30). So a strict parser judges
the body first, and names are compared with the contract's. Both run on routes with a body alone,
where that is translated: a service that is sent it as it came reads it as strictly (ADR 112).
"""

from importlib.resources import files
from typing import Any, Final

from gateway.envoy.contracts import PublicRpc
from gateway.envoy.extensions import API, HTTP_FILTERS, typed
from gateway.envoy.waf import JSON

__all__ = ["json_body", "json_filters"]

_STRICT: Final = "aviary.json"
_NAMES: Final = "aviary.json-names"
_VERDICT: Final = {"metadata_namespace": _STRICT, "key": "is_json"}
_SCRIPT: Final = "json_names.lua"


def json_filters() -> list[dict[str, Any]]:
    """Build the filters, in order; off but where `json_body` is among a route's settings."""
    script = (files("gateway.envoy") / _SCRIPT).read_text()
    names = typed(f"{HTTP_FILTERS}.lua.v3.Lua", default_source_code={"inline_string": script})
    return [
        {"name": _STRICT, "disabled": True, "typed_config": _strict()},
        {"name": _NAMES, "disabled": True, "typed_config": names},
    ]


def json_body(rpc: PublicRpc) -> dict[str, Any]:
    """Give the settings, by filter, of the routes of an RPC; none where it takes no body."""
    if not rpc.body:
        return {}
    names = typed(
        f"{HTTP_FILTERS}.lua.v3.LuaPerRoute", filter_context={"names": dict(rpc.body_names)}
    )
    return {_STRICT: _on(_strict()), _NAMES: _on(names)}


def _on(settings: dict[str, Any]) -> dict[str, Any]:
    return typed(f"{API}.config.route.v3.FilterConfig", config=settings)


def _strict() -> dict[str, Any]:
    # Whatever name it looks for, nothing of a body is noted but whether it is JSON.
    yes, no = ({**_VERDICT, "value": value} for value in (True, False))
    rule = {"selectors": [{"key": "-"}], "on_present": yes, "on_missing": yes, "on_error": no}
    rules = {"rules": [rule], "allow_content_types_regex": {"regex": JSON}}
    return typed(f"{HTTP_FILTERS}.json_to_metadata.v3.JsonToMetadata", request_rules=rules)
