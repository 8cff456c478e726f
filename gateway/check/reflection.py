"""What a running server says of its contract."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from services.platform.rpc.operator import operator_sync_channel

__all__ = ["Reflected", "UnreadableError", "reflect"]

OUR_FILES = "aviary/"
OUR_PACKAGES = "aviary."
# A server that lives answers within milliseconds.
TIMEOUT = "5s"


class UnreadableError(Exception):
    """A server does not answer, or not to reflection."""


@dataclass(frozen=True, slots=True)
class Reflected:
    """What a server serves: our services, and every file of ours that they are made of."""

    services: frozenset[str]
    files: Mapping[str, FileDescriptorProto]


def reflect(service: str, address: str, certificates: Path | None) -> Reflected:
    """Read the contract of a service as the operator; raises `UnreadableError`.

    `certificates` is the folder of the operator's; None is plaintext.
    """
    config = {"methodConfig": [{"name": [{}], "timeout": TIMEOUT}]}
    options = [("grpc.service_config", json.dumps(config))]
    with operator_sync_channel(certificates, service, address, options) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        try:
            names = [n for n in database.get_services() if n.startswith(OUR_PACKAGES)]
            files: dict[str, FileDescriptorProto] = {}
            for name in names:
                _collect(database, database.FindFileContainingSymbol(name), files)
        except grpc.RpcError as error:
            raise UnreadableError(f"{address} does not answer: {error.code().name}") from error
        except KeyError as error:
            raise UnreadableError(f"{address} does not know its own {error}") from error
    return Reflected(frozenset(names), files)


def _collect(
    database: ProtoReflectionDescriptorDatabase,
    file: FileDescriptorProto,
    files: dict[str, FileDescriptorProto],
) -> None:
    if file.name in files or not file.name.startswith(OUR_FILES):
        return
    files[file.name] = file
    for name in file.dependency:
        if name.startswith(OUR_FILES):
            _collect(database, database.FindFileByName(name), files)
