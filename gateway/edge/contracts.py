"""What the contracts say of each RPC that can be reached from outside."""

from collections.abc import Iterator
from dataclasses import dataclass

from aviary.edge.v1 import access_pb2
from aviary.gateway.v1 import health_service_pb2
from aviary.graph.v1 import graph_service_pb2
from aviary.timeline.v1 import timeline_service_pb2
from aviary.tweet.v1 import tweet_service_pb2
from aviary.user.v1 import user_service_pb2
from google.api import annotations_pb2
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor

__all__ = ["ContractError", "PublicRpc", "public_rpcs"]

PUBLIC_FILES: tuple[FileDescriptor, ...] = (
    user_service_pb2.DESCRIPTOR,
    tweet_service_pb2.DESCRIPTOR,
    graph_service_pb2.DESCRIPTOR,
    timeline_service_pb2.DESCRIPTOR,
    health_service_pb2.DESCRIPTOR,
)


class ContractError(Exception):
    """A public RPC does not say who may call it."""


@dataclass(frozen=True, slots=True)
class PublicRpc:
    """One RPC with an HTTP path."""

    service: str
    """Full name, as in `aviary.tweet.v1.TweetService`."""
    method: str
    verb: str
    """In capitals, as in `GET`."""
    template: str
    """As in `/v1/tweets/{tweet_id}`."""
    scope: str | None
    """What a caller's token must carry; None where no token is asked for."""
    public_read: bool
    """Whether callers without a token are let in too, where the operator allows public reads."""

    @property
    def path(self) -> str:
        """The gRPC path, which the transcoder rewrites a request's path to."""
        return f"/{self.service}/{self.method}"


def public_rpcs() -> tuple[PublicRpc, ...]:
    """List them all; `ContractError` for one without a rule, so that no edge is built with it."""
    return tuple(
        _public_rpc(method)
        for file in PUBLIC_FILES
        for service in file.services_by_name.values()
        for method in service.methods
        if method.GetOptions().HasExtension(annotations_pb2.http)
    )


def _public_rpc(method: MethodDescriptor) -> PublicRpc:
    options = method.GetOptions()
    access = options.Extensions[access_pb2.access]
    rule = access.WhichOneof("rule")
    if rule is None or not getattr(access, rule):
        raise ContractError(f"{method.full_name} has an HTTP path, and no rule who may call it")
    verb, template = next(_bindings(options.Extensions[annotations_pb2.http]))
    return PublicRpc(
        service=method.containing_service.full_name,
        method=method.name,
        verb=verb,
        template=template,
        scope=access.scope if rule == "scope" else None,
        public_read=access.public_read,
    )


def _bindings(rule: object) -> Iterator[tuple[str, str]]:
    for verb in ("get", "put", "post", "delete", "patch"):
        if template := getattr(rule, verb):
            yield verb.upper(), template
