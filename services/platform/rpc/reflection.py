"""Server reflection, for those who may read contracts."""

from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc.aio
from grpc_reflection.v1alpha import reflection

from services.platform.rpc.peer_identity import admit_or_abort
from services.platform.security.call_table import REFLECTION, REFLECTION_PEERS
from services.platform.security.process import Security

__all__ = ["GuardedReflection"]


class GuardedReflection:
    """gRPC's own; where peers have names, they are held to the call table.

    It streams requests, so the interceptors of other RPCs do not fit it.
    """

    def __init__(self, names: Iterable[str], security: Security) -> None:
        self._answers = reflection.aio.ReflectionServicer(names)
        self._security = security

    async def ServerReflectionInfo(  # noqa: N802 - the RPC's name
        self, request_iterator: AsyncIterator[Any], context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[Any]:
        """Answer what the protocol of server reflection asks, to the peers of the table alone."""
        if self._security.names_peers:
            await admit_or_abort(REFLECTION, REFLECTION_PEERS, context, self._security)
        async for answer in self._answers.ServerReflectionInfo(request_iterator, context):
            yield answer
