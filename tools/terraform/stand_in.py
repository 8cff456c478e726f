"""A program that stands in for a provider: Terraform asks it for the schema, and that is all.

python stand_in.py <encoded schema>

Terraform starts a provider as a child process and speaks gRPC with it. This one answers
`GetProviderSchema` with the bytes of a file and every other call with an empty message, which
means "no complaint". So Terraform itself checks names, types, references and expressions as
strictly as it would with the real provider; what only the provider's own code knows (the range
of a number, the form of a name) goes unchecked.
"""

import os
import sys
import threading
from concurrent import futures
from pathlib import Path

import grpc

COOKIE = (
    "TF_PLUGIN_MAGIC_COOKIE",
    "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
)
"""What Terraform sets for its plugins, so that nobody starts one by hand in earnest."""
PROTOCOL = "1|6"
"""go-plugin's own version and that of Terraform's protocol."""
SCHEMA_METHOD = "/tfplugin6.Provider/GetProviderSchema"
SHUTDOWN_METHOD = "/plugin.GRPCController/Shutdown"
STDIO_METHOD = "/plugin.GRPCStdio/StreamStdio"
MAX_MESSAGE = ("grpc.max_send_message_length", 64 * 1024 * 1024)
WORKERS = 4


class _Answers(grpc.GenericRpcHandler):
    """Answers every call; `stopping` is set when Terraform asks to stop."""

    def __init__(self, schema: bytes) -> None:
        self._schema = schema
        self.stopping = threading.Event()

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        method = handler_call_details.method
        if method == STDIO_METHOD:
            return None  # unimplemented, which go-plugin takes for "nothing to say"

        def answer(_request: bytes, _context: grpc.ServicerContext) -> bytes:
            if method == SHUTDOWN_METHOD:
                self.stopping.set()
            return self._schema if method == SCHEMA_METHOD else b""

        return grpc.unary_unary_rpc_method_handler(answer)


def main() -> None:
    """Serve until asked to stop."""
    name, value = COOKIE
    if os.environ.get(name) != value:
        sys.exit("This is a plugin: Terraform starts it. See `make tf-check`.")
    answers = _Answers(Path(sys.argv[1]).read_bytes())
    server = grpc.server(
        futures.ThreadPoolExecutor(WORKERS), handlers=[answers], options=(MAX_MESSAGE,)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{PROTOCOL}|tcp|127.0.0.1:{port}|grpc\n")
    sys.stdout.flush()
    answers.stopping.wait()
    server.stop(grace=None)


if __name__ == "__main__":
    main()
