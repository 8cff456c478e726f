"""Who may call what: tokens checked, scopes asked for, and the caller's name passed on.

Both filters stand behind the transcoder, so what they see is the path of the RPC that is going to
be called: one rule for each RPC, whatever spelling of the URL led to it, and whether the client
spoke JSON or gRPC. What no rule names is refused.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from gateway.edge.config import EdgeConfig
from gateway.edge.contracts import PublicRpc
from gateway.edge.extensions import HTTP_FILTERS, JWT_AUTHN, SCOPES_FILTER, http_filter, typed
from gateway.edge.issuers import IDENTITY_CLUSTER, Issuer
from gateway.edge.upstreams import mtls
from services.certificates.identities import EDGE
from services.rpc.caller import ACT_ANY, SCOPE_KEY, USER_KEY

__all__ = [
    "CALLER_HEADERS",
    "CLAIMS_KEY",
    "FAILURE_KEY",
    "JWKS_UNREACHABLE",
    "NO_SCOPE",
    "auth_filters",
    "has_token",
    "identity_cluster",
    "issuer_clusters",
]

# Keys of dynamic metadata under `JWT_AUTHN`.
CLAIMS_KEY = "claims"
FAILURE_KEY = "failure"
JWKS_UNREACHABLE = "Jwks remote fetch is failed"
"""Envoy's words for an issuer whose keys cannot be had, which is no fault of the token."""

CLIENT_HEADER = "x-client-id"
CALLER_HEADERS = (USER_KEY, SCOPE_KEY, CLIENT_HEADER)
"""What services and limits know the caller by. They are removed from what comes in."""
NO_SCOPE = "-"
"""The scope of a call that came without a token: services tell by the header that a call is from
outside, so it is never absent."""

# Seconds by which clocks of issuers and edges may differ; machines that keep time do better.
CLOCK_SKEW_S = 5
# Checked tokens that each worker remembers, at 1-2 KiB each, so that a user's next request costs
# no signature check. Expiry is looked at every time.
VERIFIED_TOKENS = 10_000
# Bytes. Ours have 600; a token of a large issuer may have twice that many claims.
MAX_TOKEN_BYTES = 4096
# Keys are fetched ahead of use, and again so soon when that failed.
REFETCH_AFTER_FAILURE = "1s"
JWKS_TIMEOUT = "2s"
HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
# Shorter than the issuer's own, so that a request never meets a connection that is being closed.
IDENTITY_IDLE_TIMEOUT = "30s"
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def auth_filters(config: EdgeConfig) -> list[dict[str, Any]]:
    """Build the filters; none where the configuration says so. They belong behind the transcoder.

    Raises `ContractError` when a public RPC says not who may call it.
    """
    if config.unauthenticated:
        return []
    rpcs = config.contracts.public
    return [_tokens(config, rpcs), _scopes(config, rpcs)]


def issuer_clusters(config: EdgeConfig) -> list[dict[str, Any]]:
    """Build the clusters that keys are fetched from, for issuers that are not ours."""
    return [
        _jwks_cluster(issuer)
        for issuer in config.issuers
        if issuer.jwks_uri is not None and issuer.jwks_cluster is None
    ]


def _tokens(config: EdgeConfig, rpcs: Sequence[PublicRpc]) -> dict[str, Any]:
    rules = [
        {"match": {"path": rpc.path}, "requires": _requirement(config, rpc)}
        for rpc in rpcs
        if rpc.scope is not None and config.issuers
    ]
    providers = {issuer.name: _provider(issuer) for issuer in config.issuers}
    return http_filter("jwt_authn", "JwtAuthentication", providers=providers, rules=rules)


def _requirement(config: EdgeConfig, rpc: PublicRpc) -> dict[str, Any]:
    wanted: list[dict[str, Any]] = [{"provider_name": issuer.name} for issuer in config.issuers]
    if rpc.public_read:
        # Without one, `public_reads` decides; a token that is there must be good all the same.
        wanted.append({"allow_missing": {}})
    return wanted[0] if len(wanted) == 1 else {"requires_any": {"requirements": wanted}}


def _provider(issuer: Issuer) -> dict[str, Any]:
    return {
        "issuer": issuer.issuer,
        "audiences": list(issuer.audiences),
        "require_expiration": True,
        "clock_skew_seconds": CLOCK_SKEW_S,
        # Named, or Envoy would also take a token from the query, which is what logs keep.
        "from_headers": [{"name": "Authorization", "value_prefix": "Bearer "}],
        "forward": False,
        "payload_in_metadata": CLAIMS_KEY,
        "normalize_payload_in_metadata": {"space_delimited_claims": ["scope"]},
        "failed_status_in_metadata": FAILURE_KEY,
        "jwt_cache_config": {
            "jwt_cache_size": VERIFIED_TOKENS,
            "jwt_max_token_size": MAX_TOKEN_BYTES,
        },
        "claim_to_headers": [
            {"header_name": USER_KEY, "claim_name": issuer.user_claim},
            {"header_name": SCOPE_KEY, "claim_name": "scope"},
            {"header_name": CLIENT_HEADER, "claim_name": "client_id"},
        ],
        **_keys(issuer),
    }


def _keys(issuer: Issuer) -> dict[str, Any]:
    if issuer.jwks_file is not None:
        return {"local_jwks": {"filename": issuer.jwks_file}}
    return {
        "remote_jwks": {
            "http_uri": {
                "uri": issuer.jwks_uri,
                "cluster": issuer.jwks_cluster or _cluster_name(issuer),
                "timeout": JWKS_TIMEOUT,
            },
            "cache_duration": f"{issuer.jwks_cache_s}s",
            "async_fetch": {"failed_refetch_duration": REFETCH_AFTER_FAILURE},
        }
    }


def _scopes(config: EdgeConfig, rpcs: Sequence[PublicRpc]) -> dict[str, Any]:
    """Allow what a policy names, and nothing else."""
    policies = {
        f"{rpc.service}/{rpc.method}": {
            "permissions": [{"url_path": {"path": {"exact": rpc.path}}}],
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


def has_token() -> dict[str, Any]:
    """Build the principal of whoever showed a good token."""
    return _claim("iss", {"present_match": True})


def _carrier(config: EdgeConfig, scope: str) -> dict[str, Any]:
    strangers = [issuer for issuer in config.issuers if not issuer.may_act_for_anybody]
    if not strangers:
        return _carries(scope)
    # An issuer that we only trust to name its users cannot make anybody a superuser.
    ours = [_issued_by(one) for one in config.issuers if one.may_act_for_anybody]
    harmless = {"or_ids": {"ids": [{"not_id": _carries(ACT_ANY)}, *ours]}}
    return {"and_ids": {"ids": [_carries(scope), harmless]}}


def _carries(scope: str) -> dict[str, Any]:
    return _claim("scope", {"list_match": {"one_of": {"string_match": {"exact": scope}}}})


def _issued_by(issuer: Issuer) -> dict[str, Any]:
    return _claim("iss", {"string_match": {"exact": issuer.issuer}})


def _claim(name: str, value: dict[str, Any]) -> dict[str, Any]:
    path = [{"key": CLAIMS_KEY}, {"key": name}]
    matcher = {"filter": JWT_AUTHN, "path": path, "value": value}
    return {"sourced_metadata": {"metadata_matcher": matcher, "metadata_source": "DYNAMIC"}}


def _cluster_name(issuer: Issuer) -> str:
    return f"jwks_{issuer.name}"


def _jwks_cluster(issuer: Issuer) -> dict[str, Any]:
    uri = urlsplit(issuer.jwks_uri or "")
    host, tls = uri.hostname or "", uri.scheme == "https"
    socket = {"address": host, "port_value": uri.port or (443 if tls else 80)}
    cluster: dict[str, Any] = {
        "name": _cluster_name(issuer),
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_PREFERRED",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": _cluster_name(issuer),
            "endpoints": [
                {"lb_endpoints": [{"endpoint": {"address": {"socket_address": socket}}}]}
            ],
        },
    }
    if tls:
        cluster["transport_socket"] = _server_verified_as(host)
    return cluster


def _server_verified_as(host: str) -> dict[str, Any]:
    names = [{"san_type": "DNS", "matcher": {"exact": host}}]
    context = {"trusted_ca": {"filename": CA_BUNDLE}, "match_typed_subject_alt_names": names}
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": typed(
            "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            sni=host,
            common_tls_context={"validation_context": context},
        ),
    }


def identity_cluster(address: str, certificates: str | None) -> dict[str, Any]:
    """Build the cluster of the embedded issuer's HTTP listener at `address` (host:port).

    With a folder of certificates, over mTLS.
    """
    tls = {} if certificates is None else {"transport_socket": mtls(EDGE, "identity", certificates)}
    host, _, port = address.rpartition(":")
    socket = {"address": host, "port_value": int(port)}
    endpoint = {"endpoint": {"address": {"socket_address": socket}}}
    return {
        "name": IDENTITY_CLUSTER,
        **tls,
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_PREFERRED",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": IDENTITY_CLUSTER,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
        "typed_extension_protocol_options": {
            HTTP_OPTIONS: {
                "@type": f"type.googleapis.com/{HTTP_OPTIONS}",
                "common_http_protocol_options": {"idle_timeout": IDENTITY_IDLE_TIMEOUT},
                "explicit_http_config": {"http_protocol_options": {}},
            }
        },
    }
