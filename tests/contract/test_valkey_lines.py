"""The shared connections: many callers at once, each with its own answer."""

import asyncio
import os
import signal
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as NoConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as NoAnswerError

from services.platform.valkey.connection import ValkeyClient, open_valkey
from services.platform.valkey.line import Changed, Line
from services.platform.valkey.lines import ClusterLines, NodeLine, ValkeyCluster
from services.platform.valkey.script import Script
from tests.certificates import new_folder
from tests.contract.valkey_servers import valkey_cluster, valkey_node

TIMEOUT_S = 5.0
AT_ONCE = 300
ECHO = "return {KEYS[1], ARGV[1]}"


@pytest.fixture(scope="module", params=["node", "cluster"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("valkey")
    if request.param == "node":
        with valkey_node(folder) as port:
            yield f"redis://127.0.0.1:{port}/0"
    else:
        with valkey_cluster(folder) as port:
            yield f"redis://127.0.0.1:{port}/0?cluster=true"


@pytest.fixture
async def client(url: str) -> AsyncIterator[ValkeyClient]:
    opened = open_valkey(url, timeout_s=TIMEOUT_S)
    yield opened
    await opened.aclose()


async def answered(call: Callable[[], Awaitable[Any]]) -> Any:
    """Call until there is an answer."""
    async with asyncio.timeout(30):
        while True:
            with suppress(RedisError, OSError):
                return await call()
            await asyncio.sleep(0.05)


def ports_of(client: ValkeyClient) -> list[int]:
    if isinstance(client, ValkeyCluster):
        return [int(node.port) for node in client.get_primaries()]
    return [client.get_connection_kwargs()["port"]]


async def test_each_caller_gets_its_own_answer(client: ValkeyClient) -> None:
    script = Script(client, ECHO)
    keys = [b"key:%d" % number for number in range(AT_ONCE)]
    answers = await asyncio.gather(*(script.run([key], b"of " + key) for key in keys))
    assert answers == [[key, b"of " + key] for key in keys]


async def test_a_refused_command_fails_its_caller_alone(client: ValkeyClient) -> None:
    lines = client.lines
    await lines.call(b"text", ("SET", b"text", b"x"))
    results = await asyncio.gather(
        lines.call(b"text", ("GET", b"text")),
        lines.call(b"text", ("LPUSH", b"text", b"y")),
        lines.call(b"text", ("GET", b"text")),
        return_exceptions=True,
    )
    assert results[0] == results[2] == b"x"
    assert isinstance(results[1], ResponseError)


async def test_one_who_gives_up_leaves_the_answers_of_others_in_their_places(
    client: ValkeyClient,
) -> None:
    script = Script(client, ECHO)
    tasks = [asyncio.create_task(script.run([b"k"], number)) for number in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results[1::2] == [[b"k", b"%d" % number] for number in range(1, 20, 2)]
    assert await script.run([b"k"], 99) == [b"k", b"99"]


async def test_scripts_answer_the_same_on_a_line_that_reports(client: ValkeyClient) -> None:
    script = Script(
        client, "return {1, false, 'text', {}, {ARGV[1], true}, redis.call('GET', KEYS[1])}"
    )
    plain = await script.run([b"k"], 2)
    reported: list[Any] = []
    ((watched, line),) = await script.run_watched([((b"k",), (2,))], reported.append)
    assert line is not None
    assert watched == plain == await script.run([b"k"], 2)
    await client.set(b"k", b"v")
    await client.lines.call(b"k", ("EXISTS", b"k"))
    assert reported == [[b"k"]], "what changed is reported before the next answer"
    await client.set(b"k", b"w")
    await client.lines.call(b"k", ("EXISTS", b"k"))
    assert reported == [[b"k"]], "and once: nobody has read it since"


async def test_a_line_has_heard_nothing_by_what_a_node_refuses(client: ValkeyClient) -> None:
    ((_, line),) = await client.lines.call_watched([(b"k", ("GET", b"k"))], lambda _: None)
    assert line is not None
    heard_s = line.heard_s
    with pytest.raises(ResponseError):
        await client.lines.call(b"k", ("GET",))
    assert line.heard_s == heard_s
    await client.lines.call(b"k", ("GET", b"k"))
    assert line.heard_s > heard_s


async def test_a_line_that_is_lost_as_it_begins_to_watch_fails_with_that(
    client: ValkeyClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Line.watch

    async def watch_and_lose(line: Line, changed: Changed) -> bool:
        is_watched = await watch(line, changed)
        await line.aclose()
        return is_watched

    monkeypatch.setattr(Line, "watch", watch_and_lose)
    # Not `TimeoutError`, after all the time that a line waits for an answer.
    with pytest.raises(NoConnectionError):
        await client.lines.call_watched([(b"k", ("GET", b"k"))], lambda _: None)


async def test_a_connection_that_was_cut_is_opened_anew(client: ValkeyClient) -> None:
    lines = client.lines
    await lines.call(b"k", ("SET", b"k", 1))
    for port in ports_of(client):
        async with Redis(port=port) as other:
            await other.client_kill_filter(_type="normal", skipme=True)
    assert await answered(lambda: lines.call(b"k", ("GET", b"k"))) == b"1"


async def test_a_slot_that_moves_is_found(tmp_path: Path) -> None:
    with valkey_cluster(tmp_path) as port:
        client = open_valkey(f"redis://127.0.0.1:{port}/0?cluster=true", timeout_s=TIMEOUT_S)
        assert isinstance(client, ValkeyCluster)
        try:
            script = Script(client, ECHO)
            assert await script.run([b"moving"], 1) == [b"moving", b"1"]
            slot = client.keyslot(b"moving")
            owner = client.nodes_manager.get_node_from_slot(slot)
            other = next(each for each in client.get_primaries() if each.name != owner.name)
            async with (
                Redis(host=owner.host, port=owner.port) as old,
                Redis(host=other.host, port=other.port) as new,
            ):
                ids = [
                    (await each.execute_command("CLUSTER", "MYID")).decode() for each in (old, new)
                ]
                await new.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
                await old.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
                # Half way: a key that the old node has not is asked for at the new one.
                assert await script.run([b"moving"], 2) == [b"moving", b"2"]
                for each in (new, old):
                    await each.execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[1])
            ((answer, line),) = await script.run_watched([((b"moving",), (3,))], lambda _: None)
            assert (answer, line) == ([b"moving", b"3"], None), "the old node reports nothing"
            assert await script.run([b"moving"], 4) == [b"moving", b"4"]
        finally:
            await client.aclose()


async def test_a_node_that_stands_still_fails_all_who_wait_and_is_asked_again_later(
    tmp_path: Path,
) -> None:
    with valkey_node(tmp_path) as port:
        client = open_valkey(f"redis://127.0.0.1:{port}/0", timeout_s=0.5)
        lines = client.lines
        try:
            await lines.call(b"k", ("SET", b"k", 1))
            pid = int((await client.info("server"))["process_id"])
            os.kill(pid, signal.SIGSTOP)
            try:
                waiting = [lines.call(b"k", ("GET", b"k")) for _ in range(5)]
                results = await asyncio.gather(*waiting, return_exceptions=True)
                assert {type(each) for each in results} == {NoAnswerError}
                with pytest.raises(NoAnswerError):
                    await lines.call(b"k", ("GET", b"k"))
            finally:
                os.kill(pid, signal.SIGCONT)
            assert await answered(lambda: lines.call(b"k", ("GET", b"k"))) == b"1"
        finally:
            await client.aclose()


async def test_a_node_that_ends_fails_those_who_wait_and_comes_back(tmp_path: Path) -> None:
    with valkey_node(tmp_path) as port:
        client = open_valkey(f"redis://127.0.0.1:{port}/0", timeout_s=TIMEOUT_S)
        lines = client.lines
        await lines.call(b"k", ("SET", b"k", 1))
        blocked = asyncio.ensure_future(lines.call(b"k", ("BLPOP", b"none", 0)))
        pid = int((await client.info("server"))["process_id"])
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(NoConnectionError):
            await blocked
        with pytest.raises(NoConnectionError):
            await lines.call(b"k", ("GET", b"k"))
    await client.aclose()


async def test_password_and_database_are_those_of_the_url(tmp_path: Path) -> None:
    with valkey_node(tmp_path) as port:
        async with Redis(port=port) as admin:
            await admin.config_set("requirepass", "secret")
        client = open_valkey(f"redis://:secret@127.0.0.1:{port}/3", timeout_s=TIMEOUT_S)
        await client.lines.call(b"k", ("SET", b"k", 7))
        async with Redis(host="127.0.0.1", port=port, db=3, password="secret") as third:  # noqa: S106 - of this test
            assert await third.get("k") == b"7"
        await client.aclose()
        wrong = open_valkey(f"redis://:wrong@127.0.0.1:{port}/3", timeout_s=TIMEOUT_S)
        with pytest.raises(RedisError):
            await wrong.lines.call(b"k", ("GET", b"k"))
        await wrong.aclose()


async def test_under_tls_it_is_the_same(tmp_path: Path) -> None:
    new_folder(tmp_path / "certificates")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "certificates" / "id.pem", tmp_path / "certificates" / "id.key")
    with valkey_node(tmp_path) as port:

        async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            behind, to_behind = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(copied(reader, to_behind), copied(behind, writer))

        async with await asyncio.start_server(passed_on, "127.0.0.1", ssl=tls) as proxy:
            options = (
                f"ssl_ca_certs={tmp_path / 'certificates' / 'ca.pem'}&ssl_check_hostname=false"
            )
            outside = proxy.sockets[0].getsockname()[1]
            client = open_valkey(f"rediss://127.0.0.1:{outside}/0?{options}", timeout_s=TIMEOUT_S)
            script = Script(client, ECHO)
            large = bytes(1_000_000)
            answers = await asyncio.gather(*(script.run([b"%d" % n], large) for n in range(5)))
            assert answers == [[b"%d" % n, large] for n in range(5)]
            await client.aclose()


async def copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


async def test_a_client_has_lines_of_its_kind(client: ValkeyClient, url: str) -> None:
    if "cluster" in url:
        assert isinstance(client.lines, ClusterLines)
    else:
        assert isinstance(client.lines, NodeLine)
