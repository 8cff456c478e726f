"""What all tests share."""

from pathlib import Path
from typing import Final

import pytest
import structlog

HERE: Final = Path(__file__).parent
LONGEST_FIRST: Final = ("e2e", "chaos", "bench", "docs", "terraform", "edge", "contract")
"""Folders whose files take longest, up to minutes: one begun last would be waited for alone."""


def pytest_configure() -> None:
    """Log tracebacks plainly: with the values of all locals, one takes seconds to write."""
    renderer = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], renderer])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the folders; within each of them all stays as it was."""
    items.sort(key=lambda item: _turn(item.path))


def _turn(file: Path) -> int:
    folder = file.relative_to(HERE).parts[0]
    return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)
