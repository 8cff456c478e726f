"""Which headers of gRPC's own a caller may send to a service, and with what values.

gRPC in a service reads the headers that it knows by their type. One that it cannot read spoils
more than its own call: on the connection, which all callers share, the name stays marked as bad,
and good headers of that name fail for minutes. So the edge lets through two of them, checked, and
no bytes. What a caller could unpack is not among them: services pack no answers.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from gateway.envoy.extensions import HTTP_FILTERS, typed

__all__ = ["CHECKED_HEADERS", "RPC_PATHS", "drop_trailers", "of_grpc"]

RPC_PATHS: Final = "/aviary."
"""How the paths of all RPCs begin."""
CHECKED_HEADERS: Final = {
    "grpc-timeout": "[0-9]{1,8}[HMSmun]",
    "grpc-encoding": "identity|gzip|deflate",
}
"""By name, the pattern of what is taken (gRPC over HTTP/2, "Requests"; what services unpack)."""
_PREFIX: Final = "grpc-"


def _whole(pattern: str) -> dict[str, Any]:
    return {"safe_regex": {"regex": pattern}}


# Bytes in base64; no RPC of ours has any. `grpclb_client_stats` is gRPC's too, and goes with all
# that has an underscore.
_OF_BYTES: Final = {"suffix": "-bin"}
# Characters that HTTP allows in names, and gRPC does not.
_NO_METADATA_KEY: Final = _whole("[^:0-9a-z_.-].*|[^:].*[^0-9a-z_.-].*")


def of_grpc() -> dict[str, Any]:
    """Build the settings of a filter of header mutations on routes that lead straight to RPCs."""
    removed = (*map(_whole, _others(CHECKED_HEADERS)), _OF_BYTES, _NO_METADATA_KEY)
    return typed(
        f"{HTTP_FILTERS}.header_mutation.v3.HeaderMutationPerRoute",
        mutations={"request_mutations": [_removal(matcher) for matcher in removed]},
    )


def drop_trailers() -> dict[str, Any]:
    """Build the mutations, of any request, that take away what comes behind its body.

    No request of gRPC or REST has anything there, and services would read it as headers.
    """
    return {"request_trailers_mutations": [_removal(_whole(".*"))]}


def _removal(matcher: dict[str, Any]) -> dict[str, Any]:
    return {"remove_on_match": {"key_matcher": matcher}}


def _others(names: Iterable[str]) -> Iterator[str]:
    """Give patterns for all of gRPC's own names but these, which begin differently.

    RE2 has no other way to say "not", and Envoy bounds the length of one.
    """
    words = [name.removeprefix(_PREFIX) for name in names]
    yield f"{_PREFIX}([^{''.join(word[0] for word in words)}].*)?"
    for word in words:
        yield f"{_PREFIX}{word[0]}{_not(word[1:])}"


def _not(word: str) -> str:
    return f"([^{word[0]}].*|{word[0]}{_not(word[1:])})?" if word else ".+"
