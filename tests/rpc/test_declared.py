"""A service opens what it declares: no more, which is refused, and no less, which a test finds."""

import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aviary.user.v1 import user_service_pb2 as pb
from aviary.user.v1 import user_service_pb2_grpc as pb_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.cli.serving import running
from services.graph import spec as graph
from services.graph.clients import UserClient
from services.id import spec as id_service
from services.platform.bus.port import Message, RefusedError
from services.platform.composition.declared import UndeclaredError
from services.platform.composition.dependencies import Dependencies
from services.platform.config.settings import Settings
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.rpc.declared_channel import UndeclaredCallError
from services.platform.rpc.server import RpcServer
from services.platform.specs import ServiceSpec, all_specs, pauses_table
from services.timeline import spec as timeline
from services.tweet import spec as tweet
from services.user import spec as user
from tests.certificates import until
from tests.contract.valkey_servers import valkey_node
from tests.processes import free_port

NOTHING = ServiceSpec(name="probe", summary="", port=1)
Open = Callable[[Dependencies], object]


async def handled(_: bytes) -> None:
    raise AssertionError


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with valkey_node(tmp_path_factory.mktemp("valkey")) as port:
        yield port


@pytest.fixture
def settings(tmp_path: Path, valkey: int) -> Settings:
    read = Settings.from_environment({"AVIARY_DATA_DIR": str(tmp_path)})
    return replace(
        read,
        addresses={name: f"127.0.0.1:{free_port()}" for name in all_specs()},
        identity_http_address=f"127.0.0.1:{free_port()}",
        media_http_address=f"127.0.0.1:{free_port()}",
        bus_valkey_url=f"redis://127.0.0.1:{valkey}/0",
        cache_valkey_url=f"redis://127.0.0.1:{valkey}/1",
    )


@pytest.fixture(autouse=True)
def _does_without_an_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """As siblings are not there, search waits in vain for what it would index."""
    monkeypatch.setattr("services.search.app.FIRST_BUILD_S", 0.1)


@asynccontextmanager
async def served(name: str, settings: Settings) -> AsyncIterator[None]:
    async with running(name, settings) as servicers:
        server = RpcServer(settings.addresses[name], servicers)
        await server.start()
        try:
            yield
        finally:
            await server.stop(0.1)


@pytest.mark.parametrize("spec", all_specs().values(), ids=lambda spec: spec.name)
async def test_all_that_a_service_declares_it_opens(spec: ServiceSpec, settings: Settings) -> None:
    app = importlib.import_module(f"{spec.package}.app")
    async with AsyncExitStack() as stack:
        if spec.name != "id":
            await stack.enter_async_context(served("id", settings))
        deps = Dependencies(spec, settings, stack)
        await app.build(deps)
        assert deps.declared.unopened == []


READERS_OF_PAUSES = [
    spec for spec in all_specs().values() if spec.subscriptions and spec.keeps_pauses is None
]


@pytest.mark.parametrize("spec", READERS_OF_PAUSES, ids=lambda spec: spec.name)
async def test_it_starts_while_the_pauses_cannot_be_read(
    spec: ServiceSpec, settings: Settings
) -> None:
    owner, table = pauses_table()
    damaged = settings.data_dir / f"{owner}.db"
    damaged.write_bytes(b"no database" * 1_000)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(served("id", settings))
        deps = Dependencies(spec, settings, stack)
        await importlib.import_module(f"{spec.package}.app").build(deps)
        names = [each.name for each in spec.subscriptions]
        pauses = await deps.pauses()
        assert pauses.taking_nothing() == dict.fromkeys(names, True)
        damaged.unlink()
        kept = SqliteRowStore(damaged, [table], deps.clock)
        await kept.open()
        stack.push_async_callback(kept.close)
        await until(lambda: pauses.taking_nothing() == dict.fromkeys(names, False))


async def test_what_is_declared_and_not_opened_is_found(settings: Settings) -> None:
    more = replace(
        all_specs()["id"],
        tables=(*id_service.SPEC.tables, tweet.TWEETS),
        secrets=("AVIARY_CURSOR_KEY",),
        subscriptions=(tweet.ERASURE,),
        uses_cache=True,
    )
    async with AsyncExitStack() as stack:
        deps = Dependencies(more, settings, stack)
        await importlib.import_module("services.id.app").build(deps)
        assert deps.declared.unopened == [
            "secret AVIARY_CURSOR_KEY",
            "subscription tweet.erasure",
            "table tweets",
            "the cache",
        ]


UNDECLARED: dict[str, tuple[Open, str]] = {
    "table": (lambda deps: deps.rows("probe", [tweet.TWEETS]), "table tweets.*`tables`"),
    "sibling's rows": (
        lambda deps: deps.rows("timeline", timeline.TABLES),
        "rows of timeline.*`opens_rows_of`",
    ),
    "topic": (lambda deps: deps.publisher(tweet.TWEET_EVENTS), "topic tweet-events.*`topics`"),
    "subscription": (
        lambda deps: deps.consume(tweet.ERASURE, handled),
        r"subscription tweet\.erasure.*`subscriptions`",
    ),
    "bus": (lambda deps: deps.bus(), "all queues.*`keeps_pauses`"),
    "cache": (lambda deps: deps.valkey(), "the cache.*`uses_cache`"),
    "cache's node": (lambda deps: deps.valkey_nodes(), "the cache.*`uses_cache`"),
    "secret": (lambda deps: deps.cursors(), "secret AVIARY_CURSOR_KEY.*`secrets`"),
    "sibling": (lambda deps: deps.client("user", UserClient), "client of user.*`calls`"),
    "lease": (lambda deps: deps.ids(), "client of id.*`calls`"),
    "audit log": (lambda deps: deps.audit(), "the audit log.*`keeps_audit`"),
    "flags": (lambda deps: deps.flags(), "flags.*`flags`"),
}


@pytest.mark.parametrize("kind", UNDECLARED)
async def test_what_is_not_declared_is_refused(kind: str, settings: Settings) -> None:
    open_it, message = UNDECLARED[kind]
    async with AsyncExitStack() as stack:
        deps = Dependencies(NOTHING, settings, stack)

        async def opened() -> None:
            found = open_it(deps)
            if isinstance(found, Awaitable):
                await found

        with pytest.raises(UndeclaredError, match=f"probe opens {message}"):
            await opened()


async def test_an_outbox_relays_to_declared_topics_alone(settings: Settings) -> None:
    spec = replace(
        NOTHING,
        tables=(tweet.OUTBOX,),
        topics={tweet.TWEET_EVENTS: "."},
        # As `all_specs` adds to who publishes.
        opens_rows_of=("fanout",),
    )
    async with AsyncExitStack() as stack:
        deps = Dependencies(spec, settings, stack)
        rows = await deps.rows("probe", spec.tables)
        with pytest.raises(UndeclaredError, match="topic user-events"):
            await deps.outbox(rows, tweet.OUTBOX, user.USER_EVENTS)
        with pytest.raises(UndeclaredError, match="table user_outbox"):
            await deps.outbox(rows, user.OUTBOX, tweet.TWEET_EVENTS)
        publisher = deps.publisher(tweet.TWEET_EVENTS)
        with pytest.raises(RefusedError, match=r"'user-events'.*tweet-events"):
            await publisher.publish(user.USER_EVENTS, [Message(b"x")])


async def test_a_call_that_is_not_declared_is_refused_before_it_is_made(
    settings: Settings,
) -> None:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(served("id", settings))
        await stack.enter_async_context(served("user", settings))
        channel = await Dependencies(graph.SPEC, settings, stack).channel("user")
        stub = pb_grpc.UserServiceStub(channel)
        answer = await stub.LookupUsers(pb.LookupUsersRequest(user_ids=[1]))
        assert list(answer.users) == []
        with pytest.raises(UndeclaredCallError, match=r"graph calls .*/CreateUser.*`calls`"):
            await stub.CreateUser(pb.CreateUserRequest())
        health = health_pb2_grpc.HealthStub(channel)
        said = await health.Check(health_pb2.HealthCheckRequest())
        assert said.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("contracts", [(), ("aviary.id.v1.IdService", "aviary.id.v1.OtherService")])
async def test_contracts_served_are_those_declared(
    contracts: tuple[str, ...], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = {**all_specs(), "id": replace(all_specs()["id"], contracts=contracts)}
    monkeypatch.setattr("services.cli.serving.all_specs", lambda: changed)
    with pytest.raises(UndeclaredError, match=r"id serves aviary\.id\.v1\.IdService, and declares"):
        async with running("id", settings):
            pass
