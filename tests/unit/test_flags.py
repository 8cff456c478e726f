"""Flags: from a file that changes, and may be wrong, to what the fan-out goes by."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import openfeature.api
import pytest
import structlog
from openfeature.event import EventDetails, ProviderEvent

from services.fanout.spec import CELEBRITY_THRESHOLD, CLOSE_FRIENDS_FIRST
from services.fanout.threshold import OperatedThreshold
from services.platform.flags.declared import declared_flags
from services.platform.flags.file import FlagsError, read
from services.platform.flags.provider import FileProvider
from services.platform.flags.reading import Flags
from services.platform.flags.watch import FlagFile
from services.platform.observability import log_events, names
from services.platform.specs import all_specs
from tests.contract.metric_values import Metrics

DEADLINE_S = 20.0
POLL_S = 0.01
SETTING = 500_000


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - a file is no event
            await asyncio.sleep(POLL_S)


def put(path: Path, text: str) -> None:
    """Replace the file atomically, as an operator should."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


class World:
    def __init__(self, path: Path | None) -> None:
        self.metrics = Metrics()
        domain = f"test-{uuid.uuid4()}"
        self.provider = FileProvider()
        openfeature.api.set_provider_and_wait(self.provider, domain)
        self.client = openfeature.api.get_client(domain)
        self.flags = Flags(self.client)
        self.file = FlagFile(
            path,
            self.provider,
            poll_every_s=POLL_S,
            meter_provider=self.metrics.provider,
        )

    @property
    def threshold(self) -> int | None:
        return self.flags.number(CELEBRITY_THRESHOLD)

    @property
    def close_first(self) -> bool:
        return self.flags.is_on(CLOSE_FRIENDS_FIRST)

    @property
    def stale(self) -> bool:
        return self.metrics.values(names.METRIC_FLAGS_STALE) == {(): 1}


@asynccontextmanager
async def watching(path: Path | None) -> AsyncIterator[World]:
    world = World(path)
    await world.file.start()
    try:
        yield world
    finally:
        await world.file.stop()


@pytest.mark.parametrize(
    "text",
    [
        "fanout.celebrity-threshold: 7\nfanout.close-friends-first: false\n",
        '{"fanout.celebrity-threshold": 7, "fanout.close-friends-first": false}',
    ],
    ids=["yaml", "json"],
)
async def test_a_file_is_in_force_once_started(tmp_path: Path, text: str) -> None:
    path = tmp_path / "flags"
    path.write_text(text)
    async with watching(path) as world:
        assert (world.threshold, world.close_first) == (7, False)
        assert not world.stale


@pytest.mark.parametrize("text", [None, "", "{}"])
async def test_unset_flags_have_their_defaults(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "flags"
    if text is not None:
        path.write_text(text)
    async with watching(path if text is not None else None) as world:
        assert (world.threshold, world.close_first) == (None, True)
        assert not world.stale


async def test_a_change_reaches_a_running_process(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    put(path, '{"fanout.celebrity-threshold": 7}')
    async with watching(path) as world:
        changed: list[list[str] | None] = []

        def note(details: EventDetails) -> None:
            changed.append(details.flags_changed)

        world.client.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, note)
        # As long as the one before: size and name show no change.
        put(path, '{"fanout.celebrity-threshold": 8}')
        await until(lambda: world.threshold == 8)
        put(path, '{"fanout.close-friends-first": false}')
        await until(lambda: not world.close_first)
        assert world.threshold is None
        await until(lambda: len(changed) == 2)
        assert changed == [
            ["fanout.celebrity-threshold"],
            ["fanout.celebrity-threshold", "fanout.close-friends-first"],
        ]


async def test_a_link_that_is_turned_counts_as_a_change(tmp_path: Path) -> None:
    # So Kubernetes changes a mounted ConfigMap.
    for name, threshold in (("old", 7), ("new", 8)):
        (tmp_path / name).write_text(f"fanout.celebrity-threshold: {threshold}")
        os.utime(tmp_path / name, (1, 1))
    path = tmp_path / "flags"
    path.symlink_to("old")
    async with watching(path) as world:
        assert world.threshold == 7
        (tmp_path / "turned").symlink_to("new")
        (tmp_path / "turned").replace(path)
        await until(lambda: world.threshold == 8)


BAD = {
    "cut off": '{"fanout.celebrity-threshold": ',
    "no mapping": "[1, 2]",
    "names that are no text": "{1: 2}",
    "text for a number": "fanout.celebrity-threshold: many",
    "a switch for a number": "fanout.celebrity-threshold: true",
    "a number for a switch": "fanout.close-friends-first: 1",
    "nothing for a switch": "fanout.close-friends-first:",
    "below the least": "fanout.celebrity-threshold: 0",
    "above the most": "fanout.celebrity-threshold: 10000000001",
    "not text": "\x00\x01",
    "too much": "#" * 70_000,
    "an object of Python's": "!!python/object/apply:os.system ['true']",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
async def test_a_bad_file_changes_nothing_and_is_reported_once(tmp_path: Path, text: str) -> None:
    path = tmp_path / "flags"
    put(path, "fanout.celebrity-threshold: 7")
    with structlog.testing.capture_logs() as logs:
        async with watching(path) as world:
            put(path, text)
            await until(lambda: world.stale)
            assert (world.threshold, world.close_first) == (7, True)
            put(path, "fanout.celebrity-threshold: 9")
            await until(lambda: world.threshold == 9)
            assert not world.stale
    refused = [log for log in logs if log["event"] == log_events.EVENT_FLAGS_REFUSED]
    assert len(refused) == 1
    assert refused[0]["log_level"] == "error"
    assert refused[0]["file"] == str(path)


async def test_a_file_that_goes_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "flags"
    put(path, "fanout.celebrity-threshold: 7")
    async with watching(path) as world:
        path.unlink()
        await until(lambda: world.stale)
        assert world.threshold == 7


async def test_a_process_starts_with_the_defaults_when_the_file_is_bad(tmp_path: Path) -> None:
    path = tmp_path / "flags"
    async with watching(path) as world:
        assert world.stale
        assert (world.threshold, world.close_first) == (None, True)
        put(path, "fanout.celebrity-threshold: 7")
        await until(lambda: world.threshold == 7)


async def test_a_name_nobody_knows_is_reported_and_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "flags"
    put(path, "fanout.celebrity-treshold: 7\nfanout.close-friends-first: false")
    with structlog.testing.capture_logs() as logs:
        async with watching(path) as world:
            assert not world.close_first
    [changed] = [log for log in logs if log["event"] == log_events.EVENT_FLAGS_CHANGED]
    assert changed["log_level"] == "warning"
    assert changed["unknown"] == ["fanout.celebrity-treshold"]


def test_an_error_names_the_flag_and_what_it_wants(tmp_path: Path) -> None:
    path = tmp_path / "flags"
    path.write_text("fanout.celebrity-threshold: -5")
    with pytest.raises(FlagsError, match=r"celebrity-threshold: got -5, wanted a whole number"):
        read(path)


async def test_another_providers_value_out_of_bounds_counts_as_unset(tmp_path: Path) -> None:
    path = tmp_path / "flags"
    async with watching(None) as world:
        world.provider.replace({CELEBRITY_THRESHOLD.name: -1, CLOSE_FRIENDS_FIRST.name: 3})
        assert (world.threshold, world.close_first) == (None, True)
    assert not path.exists()


async def test_an_operator_comes_before_the_flag_and_the_flag_before_the_setting() -> None:
    class Stored:
        followers: int | None = None

        async def load(self) -> int | None:
            return self.followers

        async def set_threshold(self, followers: int | None) -> None:
            self.followers = followers

    async with watching(None) as world:
        threshold = OperatedThreshold(Stored(), SETTING, lambda: world.threshold)
        await threshold.set(0)

        def in_force() -> tuple[int, str, int]:
            return threshold.followers(), threshold.source, threshold.default

        assert in_force() == (SETTING, "setting", SETTING)
        world.provider.replace({CELEBRITY_THRESHOLD.name: 7})
        assert in_force() == (7, "flag", 7)
        await threshold.set(9)
        assert in_force() == (9, "operator", 7)
        await threshold.set(0)
        assert in_force() == (7, "flag", 7)
        world.provider.replace({})
        assert in_force() == (SETTING, "setting", SETTING)


def test_names_are_declared_once() -> None:
    assert len(declared_flags()) == len(
        [flag for spec in all_specs().values() for flag in spec.flags]
    )
