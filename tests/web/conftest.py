"""All of Aviary as `make run` starts it, and a browser that is signed in to its web client."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.chromium import chromium
from tests.e2e.conftest import TEST_TIMEOUT_S, Mesh, start, stop
from tests.web.reader import Reader, person

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.timeout(TEST_TIMEOUT_S))


@pytest.fixture(scope="session")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    running = start(tmp_path_factory.mktemp("mesh") / "data")
    yield running
    assert stop(running) == 0


@pytest.fixture(scope="module")
def browser(mesh: Mesh, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with chromium(tmp_path_factory.mktemp("profile")) as page:
        reader = Reader(page, str(mesh.rest.base_url).rstrip("/"))
        reader.has_size(1280, 900)
        yield reader


@pytest.fixture
def ada(browser: Reader) -> Iterator[dict[str, str]]:
    """Somebody new, who is signed in and looks at the home."""
    made = person(browser.url, f"ada{next(_numbers)}_{os.getpid() % 10_000}")
    browser.sign_out()
    browser.page.errors.clear()
    browser.sign_in(made["handle"])
    yield made
    # What the API refuses is shown in the page; a script that fails, or a policy that forbids, is
    # a fault.
    assert [one for one in browser.page.errors if "Failed to load resource" not in one] == []


@pytest.fixture
def bob(browser: Reader) -> dict[str, str]:
    """Somebody else, for whom tests act by the API."""
    return person(browser.url, f"bob{next(_numbers)}_{os.getpid() % 10_000}", "Bob Noyce")


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures of pages go; `AVIARY_SCREENSHOTS` names a folder that stays."""
    kept = os.environ.get("AVIARY_SCREENSHOTS")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
