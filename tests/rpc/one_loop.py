"""All that answers requests, in one process and on one event loop, whose turns are measured."""

import asyncio
import gc
import importlib
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from gateway.envoy.config import process_of, public_services
from gateway.envoy.contracts import PublicRpc
from services.cli.serving import running
from services.platform.config.settings import DEFAULT_ADDRESSES, Settings
from services.platform.leasing.calls import LEASE_CALLS
from services.platform.rpc.server import RpcServer
from services.platform.specs import all_specs, server_of
from tests.contract.valkey_servers import valkey_node
from tests.processes import free_port

for _spec in all_specs().values():
    # Whoever asks for a message class by name finds every contract.
    importlib.import_module(f"{_spec.package}.app")

_PUBLIC = {process_of(name) for name in public_services()}
ORDER = (
    server_of(LEASE_CALLS[0]).name,
    *(spec.name for spec in all_specs().values() if spec.http_port or spec.name in _PUBLIC),
)
"""Public servers, after the one that leases worker numbers: without a lease they do not start."""
START_TIMEOUT_S = 60.0
CALL_TIMEOUT_S = 30.0
_SERVICE_PROCESSES = {service: process_of(name) for name, service in public_services().items()}


class LoopMeter:
    """Measures the processor time of each callback of a loop: nobody else's turn comes meanwhile.

    Processor time, for on a busy machine other processes take their share of any other.
    """

    def __init__(self) -> None:
        self.worst_s = 0.0

    @contextmanager
    def measuring(self, thread: threading.Thread) -> Iterator[None]:
        run = asyncio.Handle._run
        meter = self

        def timed(handle: asyncio.Handle) -> None:
            if threading.current_thread() is not thread:
                run(handle)
                return
            started = time.thread_time()
            run(handle)
            meter.worst_s = max(meter.worst_s, time.thread_time() - started)

        asyncio.Handle._run = timed  # type: ignore[method-assign]
        try:
            yield
        finally:
            asyncio.Handle._run = run  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True)
class OneLoop:
    thread: threading.Thread
    channels: dict[str, grpc.Channel]
    identity_url: str

    def call(self, rpc: PublicRpc, request: Message, **options: Any) -> Message:
        return self.send(rpc, request.SerializeToString(), **options)

    def send(self, rpc: PublicRpc, request: bytes, **options: Any) -> Message:
        channel = self.channels[_SERVICE_PROCESSES[rpc.service]]
        method = channel.unary_unary(rpc.path, None, message_class(rpc.response).FromString)
        answer: Message = method(request, timeout=CALL_TIMEOUT_S, **options)
        return answer

    @contextmanager
    def measured(self) -> Iterator[LoopMeter]:
        meter = LoopMeter()
        with meter.measuring(self.thread):
            yield meter


def message_class(name: str) -> type[Message]:
    return GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(name))


@contextmanager
def one_loop(folder: Path) -> Iterator[OneLoop]:
    umask = os.umask(0)
    os.umask(umask)
    with ExitStack() as stack:
        stack.callback(os.umask, umask)  # the issuer changes it
        gc.disable()  # the test runner's own garbage is not what is measured
        stack.callback(gc.enable)
        port = stack.enter_context(valkey_node(folder))
        settings = _settings(folder, port)
        ready: Future[None] = Future()
        stopping = threading.Event()
        thread = threading.Thread(
            target=lambda: asyncio.run(_serve(settings, ready, stopping)), daemon=True
        )
        thread.start()
        stack.callback(thread.join, START_TIMEOUT_S)
        stack.callback(stopping.set)
        ready.result(START_TIMEOUT_S)
        channels = {
            name: stack.enter_context(
                grpc.insecure_channel(at, [("grpc.use_local_subchannel_pool", 1)])
            )
            for name, at in settings.addresses.items()
        }
        yield OneLoop(thread, channels, f"http://{settings.identity_http_address}")


def _settings(folder: Path, valkey: int) -> Settings:
    read = Settings.from_environment({"AVIARY_DATA_DIR": str(folder)})
    url = f"redis://127.0.0.1:{valkey}/"
    return replace(
        read,
        addresses={name: f"127.0.0.1:{free_port()}" for name in DEFAULT_ADDRESSES},
        identity_http_address=f"127.0.0.1:{free_port()}",
        media_http_address=f"127.0.0.1:{free_port()}",
        bus_valkey_url=f"{url}0",
        cache_valkey_url=f"{url}1",
    )


async def _serve(settings: Settings, ready: "Future[None]", stopping: threading.Event) -> None:
    async with AsyncExitStack() as stack:
        try:
            for name in ORDER:
                servicers = await stack.enter_async_context(running(name, settings))
                server = RpcServer(settings.addresses[name], servicers)
                await server.start()
                stack.push_async_callback(server.stop, 1.0)
        except BaseException as error:
            ready.set_exception(error)
            raise
        ready.set_result(None)
        await asyncio.to_thread(stopping.wait)
