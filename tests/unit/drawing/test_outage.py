"""A source that answers can do without: asked in little time, and left alone after a failure."""

import asyncio
from typing import NoReturn

import pytest
from structlog.testing import capture_logs

from services.platform.drawing import outage
from services.platform.drawing.outage import REST_S, Spared
from services.platform.errors import UnavailableError
from services.platform.runtime.deadlines import deadline_in


class Source:
    """One that answers, fails or hangs."""

    def __init__(self) -> None:
        self.now_s, self.calls = 100.0, 0
        self.spared = Spared("counts", now_s=lambda: self.now_s)

    async def answers(self) -> int:
        self.calls += 1
        return 7

    async def fails(self) -> NoReturn:
        self.calls += 1
        raise UnavailableError("no answer")

    async def hangs(self) -> NoReturn:
        self.calls += 1
        await asyncio.Event().wait()
        raise AssertionError


@pytest.fixture
def source() -> Source:
    return Source()


async def test_what_fails_is_asked_again_after_a_second(source: Source) -> None:
    assert await source.spared.ask(source.answers) == 7
    with capture_logs() as logs:
        assert await source.spared.ask(source.fails) is None
    assert [(log["event"], log["part"]) for log in logs] == [("drawing.unavailable", "counts")]
    assert await source.spared.ask(source.answers) is None
    assert source.calls == 2
    source.now_s += REST_S
    assert await source.spared.ask(source.answers) == 7


async def test_what_hangs_is_waited_for_no_longer_than_it_has(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "PATIENCE_S", 0.01)
    with capture_logs() as logs:
        assert await source.spared.ask(source.hangs) is None
    assert [log["error"] for log in logs] == ["TimeoutError"]
    assert await source.spared.ask(source.answers) is None
    assert source.calls == 1


@pytest.mark.parametrize("goes_wrong", ["fails", "hangs"])
async def test_who_is_in_a_hurry_has_nobody_else_go_without(
    source: Source, goes_wrong: str
) -> None:
    with deadline_in(0.02):
        assert await source.spared.ask(getattr(source, goes_wrong)) is None
    assert await source.spared.ask(source.answers) == 7
