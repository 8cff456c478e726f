"""Providers in this process: Terraform asks them for their schemas, and that is all.

Terraform speaks gRPC with a provider. This one answers `GetProviderSchema` with the schema that was
read out of the provider's bindings and every other call with an empty message, which means "no
complaint". So Terraform itself checks names, types, references and expressions as strictly as it
would with the real provider; what only the provider's own code knows (the range of a number, the
form of a name) goes unchecked.

Terraform connects to a provider that somebody else has started where `TF_REATTACH_PROVIDERS` says
so: it starts no process, downloads nothing, and wants neither a lock file nor `terraform init`.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager

import grpc

from tools.terraform.plugin_schema import encoded
from tools.terraform.schema import Provider

__all__ = ["serving"]

SOURCE = "registry.terraform.io/hashicorp"
"""Whose providers these are, as `required_providers` names them."""
PROTOCOL_VERSION = 6
"""Of Terraform's plugin protocol."""
SERVICE = f"/tfplugin{PROTOCOL_VERSION}.Provider/"
MAX_MESSAGE = ("grpc.max_send_message_length", 64 * 1024 * 1024)
"""In bytes: a schema of every type that is used has some hundred kilobytes, and grows."""
WORKERS = 4


class _Answers(grpc.GenericRpcHandler):
    """Answers every call of Terraform to one provider."""

    def __init__(self, schema: bytes) -> None:
        self._schema = schema

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        method = handler_call_details.method
        if not method.startswith(SERVICE):
            # Streams of output and the like, each of which would hold a worker. Terraform does
            # without them where they are unimplemented.
            return None
        answer = self._schema if method == f"{SERVICE}GetProviderSchema" else b""
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: answer)


@contextmanager
def serving(providers: Iterable[Provider]) -> Iterator[Mapping[str, str]]:
    """Serve the providers' schemas; give the variables by which Terraform finds them."""
    servers, addresses = [], {}
    try:
        for each in providers:
            server = grpc.server(
                futures.ThreadPoolExecutor(WORKERS),
                handlers=[_Answers(encoded(each))],
                options=(MAX_MESSAGE,),
            )
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            servers.append(server)
            addresses[f"{SOURCE}/{each.name}"] = {
                "Protocol": "grpc",
                "ProtocolVersion": PROTOCOL_VERSION,
                "Pid": os.getpid(),
                # Otherwise Terraform would end the process of this number when it is done.
                "Test": True,
                "Addr": {"Network": "tcp", "String": f"127.0.0.1:{port}"},
            }
        yield {"TF_REATTACH_PROVIDERS": json.dumps(addresses)}
    finally:
        for server in servers:
            server.stop(grace=None).wait()
