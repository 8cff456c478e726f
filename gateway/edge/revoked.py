"""What was revoked before it expired: sessions, users, API keys, as the gateway tells the edge.

The lists are small, since each entry goes when the token would have ended anyway, and one look into
a map in Envoy's memory finds an entry. Where nothing is revoked nothing is looked for.
"""

from collections.abc import Collection, Mapping
from typing import Any

from gateway.edge.callers import gateway_feed
from gateway.edge.credentials import APP_KEY_ID_HEADER, SESSION_HEADER
from gateway.edge.extensions import API, typed
from gateway.edge.matching import by_header, label_from_feed
from gateway.identity.ports import Revocable
from services.rpc.caller import USER_KEY

__all__ = ["REVOKED", "revoked_filter", "revoked_settings"]

REVOKED = "revoked"
_HEADERS = {
    Revocable.SESSION: SESSION_HEADER,
    Revocable.USER: USER_KEY,
    Revocable.APP_KEY: APP_KEY_ID_HEADER,
}


def revoked_filter() -> dict[str, Any]:
    """Build the filter that refuses; the name of what it found is in the response's details."""
    return label_from_feed(REVOKED, gateway_feed())


def revoked_settings(lists: Mapping[Revocable, Collection[str]]) -> dict[str, Any]:
    """Build its settings; nothing is denied but what is on a list."""
    match: dict[str, Any] = {"action": _outcome("none", "ALLOW")}
    for kind, names in lists.items():
        if names:
            denied = {"action": _outcome(f"{REVOKED}-{kind}", "DENY")}
            found = dict.fromkeys(sorted(names), denied)
            tree = {"input": by_header(_HEADERS[kind]), "exact_match_map": {"map": found}}
            match = {"matcher": {"matcher_tree": tree, "on_no_match": match}}
    return {"matcher": match["matcher"]} if "matcher" in match else {}


def _outcome(name: str, action: str) -> dict[str, Any]:
    decided = typed(f"{API}.config.rbac.v3.Action", name=name, action=action)
    return {"name": "envoy.filters.rbac.action", "typed_config": decided}
