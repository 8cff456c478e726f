"""Who may call what: tokens checked, scopes asked for, and the end user's id passed on.

Both filters stand behind the transcoder, so what they see is the path of the RPC that is going to
be called: one rule for each RPC, whatever spelling of the URL led to it, and whether the client
spoke JSON or gRPC. What no rule names is refused.
"""

from collections.abc import Sequence
from typing import Any

from gateway.envoy.app_keys import key_providers, key_rules, other_app_filter
from gateway.envoy.config import EdgeConfig
from gateway.envoy.contracts import PublicRpc
from gateway.envoy.credentials import (
    CLAIMS_KEY,
    CLIENT_HEADER,
    EXPIRY_HEADER,
    FAILURE_KEY,
    JOSE_KEY,
    SESSION_HEADER,
    checked_jwt,
    claims,
    has_token,
)
from gateway.envoy.extensions import HTTP_FILTERS, SCOPES_FILTER, http_filter, typed
from gateway.envoy.jwks import jwks_of
from gateway.envoy.revoked import revoked_filter
from gateway.envoy.schemes import BEARER
from gateway.envoy.strict_tokens import strict_filter
from services.platform.rpc.end_user import ACT_ANY, SCOPE_KEY, USER_KEY
from services.platform.tokens.issuers import Issuer

__all__ = [
    "NO_SCOPE",
    "auth_filters",
]

NO_SCOPE = "-"
"""The scope of a call that came without a token: services know by the header that a call is from
outside, so it is never absent."""


def auth_filters(config: EdgeConfig) -> list[dict[str, Any]]:
    """Build the filters; none where the configuration says so. They belong behind the transcoder.

    Raises `ContractError` when a public RPC says not who may call it.
    """
    if config.unauthenticated:
        return []
    rpcs = config.contracts.public
    return [
        _tokens(config, rpcs),
        strict_filter(config),
        *other_app_filter(config),
        revoked_filter(),
        _scopes(config, rpcs),
    ]


def _tokens(config: EdgeConfig, rpcs: Sequence[PublicRpc]) -> dict[str, Any]:
    rules = [
        {"match": {"path": path}, "requires": _requirement(config, rpc)}
        for rpc in rpcs
        for path in rpc.paths
        if config.issuers
    ]
    providers = {issuer.name: _provider(issuer) for issuer in config.issuers}
    return http_filter(
        "jwt_authn",
        "JwtAuthentication",
        providers={**providers, **key_providers(config)},
        rules=[*key_rules(config), *rules],
    )


def _requirement(config: EdgeConfig, rpc: PublicRpc) -> dict[str, Any]:
    wanted: list[dict[str, Any]] = [{"provider_name": issuer.name} for issuer in config.issuers]
    if rpc.scope is None:
        # Asks for nobody, and a good token still says who it is: challenges are bound to users.
        wanted.append({"allow_missing_or_failed": {}})
    elif rpc.public_read:
        # Without one, `public_reads` decides; a token that is there must be good all the same.
        wanted.append({"allow_missing": {}})
    return wanted[0] if len(wanted) == 1 else {"requires_any": {"requirements": wanted}}


def _provider(issuer: Issuer) -> dict[str, Any]:
    headers = {
        USER_KEY: issuer.user_claim,
        SCOPE_KEY: "scope",
        CLIENT_HEADER: "client_id",
        SESSION_HEADER: "sid",
        EXPIRY_HEADER: "exp",
    }
    source = {"name": "Authorization", "value_prefix": BEARER}
    notes = (CLAIMS_KEY, JOSE_KEY, FAILURE_KEY)
    checked = checked_jwt(issuer, issuer.audiences, source, notes, headers)
    return {**checked, **jwks_of(issuer)}


def _scopes(config: EdgeConfig, rpcs: Sequence[PublicRpc]) -> dict[str, Any]:
    """Allow what a policy names, and nothing else."""
    policies = {
        f"{rpc.service}/{rpc.method}": {
            "permissions": [{"url_path": {"path": {"exact": path}}} for path in rpc.paths],
            "principals": [_principal(config, rpc)],
        }
        for rpc in rpcs
    }
    return {
        "name": SCOPES_FILTER,
        "typed_config": typed(
            f"{HTTP_FILTERS}.rbac.v3.RBAC", rules={"action": "ALLOW", "policies": policies}
        ),
    }


def _principal(config: EdgeConfig, rpc: PublicRpc) -> dict[str, Any]:
    if rpc.scope is None:
        return {"any": True}
    allowed = _carrier(config, rpc.scope)
    return {"or_ids": {"ids": [{"not_id": has_token()}, allowed]}} if rpc.public_read else allowed


def _carrier(config: EdgeConfig, scope: str) -> dict[str, Any]:
    strangers = [issuer for issuer in config.issuers if not issuer.may_act_for_anybody]
    if not strangers:
        return _carries(scope)
    # An issuer that we only trust to name its users cannot make anybody a superuser.
    ours = [_issued_by(one) for one in config.issuers if one.may_act_for_anybody]
    harmless = {"or_ids": {"ids": [{"not_id": _carries(ACT_ANY)}, *ours]}}
    return {"and_ids": {"ids": [_carries(scope), harmless]}}


def _carries(scope: str) -> dict[str, Any]:
    return claims("scope", {"list_match": {"one_of": {"string_match": {"exact": scope}}}})


def _issued_by(issuer: Issuer) -> dict[str, Any]:
    return claims("iss", {"string_match": {"exact": issuer.issuer}})
