"""The issuer over gRPC: its public keys, for the gateway."""

# ruff: noqa: N802, ARG002 - names and signatures are those of the proto

import json
from typing import Any, TypeAlias

from aviary.identity.v1 import key_set_service_pb2 as pb
from aviary.identity.v1.key_set_service_pb2_grpc import KeySetServiceServicer
from grpc.aio import ServicerContext

from services.identity.keys import Keyrings

__all__ = ["KeySetServicer"]

_Context: TypeAlias = "ServicerContext[Any, Any]"


class KeySetServicer(KeySetServiceServicer):
    """`aviary.identity.v1.KeySetService`."""

    def __init__(self, keyrings: Keyrings) -> None:
        self._keyrings = keyrings

    async def GetKeySets(
        self, request: pb.GetKeySetsRequest, context: _Context
    ) -> pb.GetKeySetsResponse:
        """Give the key sets that edges check tokens and API keys with."""
        return pb.GetKeySetsResponse(
            tokens=json.dumps(self._keyrings.tokens.jwks()),
            app_keys=json.dumps(self._keyrings.app_keys.jwks()),
        )
