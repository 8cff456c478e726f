"""A gRPC service that does nothing: it answers each call with bytes that it has had all along.

Run as `python -m bench.reference.noop PORT ANSWERS`, where the file ANSWERS maps the path of each
RPC to its answers, in base64, which take turns. It neither reads requests nor builds answers.
"""

import asyncio
import itertools
import json
import sys
from base64 import b64decode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import grpc.aio

from services.local.readiness import HOST

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Found: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"
_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class _Answers(grpc.GenericRpcHandler):
    def __init__(self, answers: dict[str, Sequence[bytes]]) -> None:
        self._handlers = {path: _handler(itertools.cycle(each)) for path, each in answers.items()}

    def service(self, details: grpc.HandlerCallDetails) -> _Found:
        return self._handlers.get(details.method)


def _handler(answers: Iterator[bytes]) -> _Handler:
    async def answer(_request: bytes, _context: _Context) -> bytes:
        return next(answers)

    return grpc.unary_unary_rpc_method_handler(answer)


async def serve(port: int, answers: dict[str, Sequence[bytes]]) -> None:
    """Serve until killed."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Answers(answers),))
    server.add_insecure_port(f"{HOST}:{port}")
    await server.start()
    await server.wait_for_termination()


def main() -> None:
    """Serve as the command line says."""
    port, path = int(sys.argv[1]), Path(sys.argv[2])
    raw = json.loads(path.read_text())
    asyncio.run(serve(port, {rpc: [b64decode(one) for one in each] for rpc, each in raw.items()}))


if __name__ == "__main__":
    main()
