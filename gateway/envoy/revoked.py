"""What was revoked before it expired: sessions, users, API keys, and all that a key has signed.

The gateway sends it.

The lists are small, since each entry goes when the token would have ended anyway, and one look into
a map in Envoy's memory finds an entry. Where nothing is revoked nothing is looked for.

A list has a bound. What was revoked beyond it is refused by age: all of its kind that was issued
before the last that has no place on the list was revoked. Whoever is refused with it and was not
revoked gets a token anew, which is younger. So however much is revoked, none of it passes.

A key that its issuer withdrew has no such list: there are few keys. Envoy fetches those that still
count, and asks none for a token that it remembers.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gateway.envoy.credentials import (
    APP_KEY_ID_HEADER,
    APP_KEY_JOSE,
    APP_KEY_KEY,
    CLAIMS_KEY,
    JOSE_KEY,
    SESSION_HEADER,
    issued_after,
)
from gateway.envoy.extensions import API, JWT_AUTHN, typed
from gateway.envoy.matching import by_header, discovered_label, has_header, notes_one_of, satisfies
from gateway.envoy.subject_labels import gateway_source
from services.platform.rpc.end_user import USER_KEY
from services.platform.tokens.revocations import Revocable, Revoked

__all__ = ["OUTDATED", "REVOKED", "WITHDRAWN", "revoked_filter", "revoked_settings"]

REVOKED = "revoked"
OUTDATED = "outdated"
"""What may have been revoked, and is refused by its age."""
WITHDRAWN = "withdrawn-key"
"""What was signed by a key that counts no longer."""
_HEADERS = {
    Revocable.SESSION: SESSION_HEADER,
    Revocable.USER: USER_KEY,
    Revocable.APP_KEY: APP_KEY_ID_HEADER,
}
_CREDENTIALS = {
    Revocable.SESSION: CLAIMS_KEY,
    Revocable.USER: CLAIMS_KEY,
    Revocable.APP_KEY: APP_KEY_KEY,
}


def revoked_filter() -> dict[str, Any]:
    """Build the filter that refuses; the name of what it found is in the response's details."""
    return discovered_label(REVOKED, gateway_source())


def revoked_settings(
    lists: Mapping[Revocable, Revoked], withdrawn: Collection[str] = ()
) -> dict[str, Any]:
    """Build its settings; nothing is denied but what is on a list, or too old where one is full.

    `withdrawn` has the `kid` of keys.
    """
    match: dict[str, Any] = {"action": _outcome("none", "ALLOW")}
    for kind, revoked in lists.items():
        if revoked.issued_by_s is not None:
            match = _unless_outdated(kind, revoked.issued_by_s, match)
        if revoked.names:
            denied = {"action": _outcome(f"{REVOKED}-{kind}", "DENY")}
            found = dict.fromkeys(sorted(revoked.names), denied)
            tree = {"input": by_header(_HEADERS[kind]), "exact_match_map": {"map": found}}
            match = {"matcher": {"matcher_tree": tree, "on_no_match": match}}
    if withdrawn:
        match = _unless_withdrawn(sorted(withdrawn), match)
    return {"matcher": match["matcher"]} if "matcher" in match else {}


def _unless_withdrawn(kids: Sequence[str], match: dict[str, Any]) -> dict[str, Any]:
    signed = [notes_one_of(kids, JWT_AUTHN, note, "kid") for note in (JOSE_KEY, APP_KEY_JOSE)]
    denied = {"action": _outcome(WITHDRAWN, "DENY")}
    cases = [{"predicate": {"or_matcher": {"predicate": signed}}, "on_match": denied}]
    return {"matcher": {"matcher_list": {"matchers": cases}, "on_no_match": match}}


def _unless_outdated(kind: Revocable, issued_by_s: int, match: dict[str, Any]) -> dict[str, Any]:
    """Go on to `match` with what is younger, or of another kind; one that has no time is not."""
    another = {"not_matcher": has_header(_HEADERS[kind])}
    younger = satisfies(issued_after(_CREDENTIALS[kind], issued_by_s))
    either = {"or_matcher": {"predicate": [another, younger]}}
    denied = {"action": _outcome(f"{OUTDATED}-{kind}", "DENY")}
    cases = {"matchers": [{"predicate": either, "on_match": match}]}
    return {"matcher": {"matcher_list": cases, "on_no_match": denied}}


def _outcome(name: str, action: str) -> dict[str, Any]:
    decided = typed(f"{API}.config.rbac.v3.Action", name=name, action=action)
    return {"name": "envoy.filters.rbac.action", "typed_config": decided}
