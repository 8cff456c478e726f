"""What all tests share."""

from pathlib import Path
from typing import Final

import pytest
import structlog
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

HERE: Final = Path(__file__).parent
LONGEST_FIRST: Final = ("e2e", "chaos", "bench", "docs", "terraform", "edge", "contract")
"""Folders whose files take longest, up to minutes: one begun last would be waited for alone."""
ENGINES: Final = ("bigtable+pubsub", "sqlite+valkey", "")
"""One after the other, as those who use an engine share one system; the slowest first."""


def pytest_configure() -> None:
    """Log tracebacks plainly: with the values of all locals, one takes seconds to write."""
    renderer = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], renderer])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order folders and engines; else all stays as it was."""
    items.sort(key=lambda item: (_turn(item.path), ENGINES.index(_engine(item.nodeid))))


class ByFileAndEngine(LoadScopeScheduling):
    """Has one process of pytest run the tests of a file on one engine, which share a system."""

    def _split_scope(self, nodeid: str) -> str:
        return f"{nodeid.partition('::')[0]} {_engine(nodeid)}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return ByFileAndEngine(config, log)


def _turn(file: Path) -> int:
    folder = file.relative_to(HERE).parts[0]
    return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)


def _engine(nodeid: str) -> str:
    """The engine on which a test runs; "" where it has one way to run."""
    return next(engine for engine in ENGINES if engine in nodeid)
