"""What the descriptor says of the RPCs that clients outside may use.

The one reader of `google.api.http` and of Aviary's own options (`protos/aviary/edge/v1/`): routes,
the transcoder, access rules and the OpenAPI document all come from what this gives.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from aviary.edge.v1 import access_pb2, limits_pb2
from aviary.edge.v1.access_pb2 import Access
from google.api import annotations_pb2, field_behavior_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import (
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool

__all__ = ["ContractError", "Contracts", "PublicRpc"]

_READ_WITH = (access_pb2, annotations_pb2, field_behavior_pb2, limits_pb2)
"""Modules whose options are read here or by the readers of `Contracts`: an option stays unknown
where a file set is parsed before its module was imported."""

OUR_PACKAGES = "aviary."
# What the transcoder passes on as it is.
HTTP_BODY = ".google.api.HttpBody"
# Where source information has the comment of a method: file.service[i].method[j].
SERVICE_FIELD = 6
METHOD_FIELD = 2
# What these read seldom changes; the answers carry an `etag`.
WITH_ETAG = frozenset({"/aviary.tweet.v1.TweetService/GetTweet"})


class ContractError(ValueError):
    """An RPC is half public: it has a path and no access rule, or the other way round."""


@dataclass(frozen=True, slots=True)
class PublicRpc:
    """An RPC that clients outside may use."""

    service: str
    """Full name, such as `aviary.tweet.v1.TweetService`."""
    method: str
    verb: str
    """The HTTP method, in capitals."""
    template: str
    """The path over REST, such as `/v1/tweets/{tweet_id}`."""
    body: str
    """`*` where the request is the body of the call, empty where there is none."""
    body_names: Mapping[str, Any]
    """The names that the body may have: to each, those within it if it is a message of ours, else
    nothing. Empty where there is no body."""
    query: tuple[str, ...]
    """The request's fields that are query parameters, in the order of the proto."""
    access: Access
    request: str
    """Full name of the request's message."""
    response: str
    comment: str
    json_method: str = ""
    """The RPC that gives the same answers as JSON, which is what the path over REST calls; empty
    where that is this RPC itself."""
    over_http: bool = False
    """Whether its service may be asked over HTTP, at the path of REST, with nothing translated."""
    creates: bool = False
    """Whether it makes something, and says in `location` where that is."""
    lasting: bool = False
    """Whether its answer is a stream that lasts for as long as its client stays."""
    deprecated: bool = False
    """Whether callers are to stop using it."""

    @property
    def name(self) -> str:
        """What figures, logs and traces call it: `package.Service/Method`."""
        return f"{self.service}/{self.method}"

    @property
    def path(self) -> str:
        """The path of the gRPC call."""
        return f"/{self.name}"

    @property
    def json_path(self) -> str | None:
        """The path of the call that a request over REST becomes, where it is another's."""
        return f"/{self.service}/{self.json_method}" if self.json_method else None

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths that its callers' requests have where rules look at them.

        Of gRPC, or that of REST where the service is asked over HTTP and nothing is translated.
        """
        if not self.over_http:
            return (self.path,)
        between = () if self.json_path is None else (self.json_path,)
        return (self.path, *between, self.template)

    @property
    def scope(self) -> str | None:
        """What a token must carry; None where no token is asked for."""
        return self.access.scope or None

    @property
    def public_read(self) -> bool:
        """Whether clients without a token are let in too, where the operator allows it."""
        return self.access.public_read

    @property
    def has_etag(self) -> bool:
        """Whether its answer names its state, so that clients can ask whether that has changed."""
        return self.path in WITH_ETAG


class Contracts:
    """The contracts in a serialized `FileDescriptorSet`, such as `gen/descriptor.pb`."""

    def __init__(self, descriptor: bytes) -> None:
        self.files = FileDescriptorSet.FromString(descriptor)

    @classmethod
    def read(cls, path: Path) -> "Contracts":
        """Read the descriptor set at `path`."""
        return cls(path.read_bytes())

    @cached_property
    def public(self) -> tuple[PublicRpc, ...]:
        """Every public RPC, by REST path; raises `ContractError` for one that is half public."""
        found = [rpc for file in self.files.file for rpc in _public_rpcs(file, self.pool)]
        return tuple(sorted(found, key=lambda rpc: (rpc.template, rpc.verb)))

    @cached_property
    def pool(self) -> DescriptorPool:
        """The files, linked: where descriptors are found by their full names."""
        pool = DescriptorPool()
        for file in self.files.file:
            pool.Add(file)
        return pool

    @property
    def all_services(self) -> tuple[str, ...]:
        """Full names of our services, internal ones too."""
        return tuple(
            f"{file.package}.{service.name}"
            for file in self.files.file
            for service in file.service
            if file.package.startswith(OUR_PACKAGES)
        )

    @property
    def services(self) -> tuple[str, ...]:
        """Full names of the services with public RPCs, in order of name."""
        return tuple(sorted({rpc.service for rpc in self.public}))


def _public_rpcs(file: FileDescriptorProto, pool: DescriptorPool) -> Iterator[PublicRpc]:
    comments = {
        tuple(one.path): one.leading_comments.strip() for one in file.source_code_info.location
    }
    for at, service in enumerate(file.service):
        name = f"{file.package}.{service.name}"
        json_of = _json_of(name, service.method)
        for number, method in enumerate(service.method):
            routed = json_of.get(method.name, method)
            if not _gives_json(method) and _is_public(name, method, routed):
                comment = comments.get((SERVICE_FIELD, at, METHOD_FIELD, number), "")
                yield _public_rpc(name, method, routed, comment, pool)


def _gives_json(method: MethodDescriptorProto) -> bool:
    return bool(method.options.Extensions[access_pb2.json_of])


def _json_of(
    service: str, methods: Iterable[MethodDescriptorProto]
) -> dict[str, MethodDescriptorProto]:
    """Give the RPCs that answer in JSON, each by the name of whose answers it gives."""
    by_name = {method.name: method for method in methods}
    found: dict[str, MethodDescriptorProto] = {}
    for method in filter(_gives_json, by_name.values()):
        typed = by_name.get(method.options.Extensions[access_pb2.json_of])
        if typed is None or typed.name in found or not _stands_for(method, typed):
            raise ContractError(f"{service}.{method.name} is the JSON of no RPC that it is like")
        found[typed.name] = method
    return found


def _stands_for(method: MethodDescriptorProto, typed: MethodDescriptorProto) -> bool:
    # What it says of access by itself would be a second statement of it. Over HTTP, a path is
    # looked up whole, and all of a request is in its query.
    path = method.options.Extensions[annotations_pb2.http].get
    return (
        bool(path)
        and "{" not in path
        and method.input_type == typed.input_type
        and method.output_type == HTTP_BODY
        and not method.options.HasExtension(access_pb2.access)
        and not typed.options.HasExtension(annotations_pb2.http)
    )


def _is_public(service: str, method: MethodDescriptorProto, routed: MethodDescriptorProto) -> bool:
    http = routed.options.Extensions[annotations_pb2.http]
    access = method.options.Extensions[access_pb2.access]
    has_path = http.WhichOneof("pattern") is not None
    if has_path != bool(access.scope or access.anyone):
        raise ContractError(f"{service}.{method.name} has only one of a path and an access rule")
    return has_path


def _public_rpc(
    service: str,
    method: MethodDescriptorProto,
    routed: MethodDescriptorProto,
    comment: str,
    pool: DescriptorPool,
) -> PublicRpc:
    http = routed.options.Extensions[annotations_pb2.http]
    verb = str(http.WhichOneof("pattern"))
    template = getattr(http, verb)
    request = method.input_type.removeprefix(".")
    names = _names_of(pool.FindMessageTypeByName(request))
    rest = {name: within for name, within in names.items() if f"{{{name}}}" not in template}
    passed_on = method.options.Extensions[access_pb2.over_http]
    if passed_on and (http.body != "*" or "{" in template):
        raise ContractError(f"{service}.{method.name} is over HTTP, and not all in its body")
    return PublicRpc(
        service=service,
        method=method.name,
        verb=verb.upper(),
        template=template,
        body=http.body,
        body_names=rest if http.body else {},
        query=() if http.body else tuple(rest),
        access=method.options.Extensions[access_pb2.access],
        request=request,
        response=method.output_type.removeprefix("."),
        comment=comment,
        json_method="" if routed is method else routed.name,
        over_http=passed_on or routed is not method,
        creates=method.options.Extensions[access_pb2.creates],
        lasting=method.options.Extensions[access_pb2.lasting],
        deprecated=method.options.deprecated,
    )


def _names_of(message: Descriptor, around: tuple[str, ...] = ()) -> dict[str, Any]:
    """Give the message's fields, each with those of the message it is.

    Nothing is said of messages that have a JSON form of their own, nor twice of one within itself.
    """
    return {
        field.name: _names_within(field.message_type, message, around) for field in message.fields
    }


def _names_within(
    message: Descriptor | None, outer: Descriptor, around: tuple[str, ...]
) -> dict[str, Any]:
    if message is None or not message.full_name.startswith(OUR_PACKAGES):
        return {}
    around = (*around, outer.full_name)
    if message.GetOptions().map_entry or message.full_name in around:
        return {}
    return _names_of(message, around)
