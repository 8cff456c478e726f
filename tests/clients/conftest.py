"""All of Aviary, as `make run` starts it, and who logs in there."""

from collections.abc import Iterator

import pytest

from tests.clients.site import Site
from tests.e2e.conftest import start, stop
from tests.e2e.test_identity import sign_up


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    mesh = start(tmp_path_factory.mktemp("mesh") / "data")
    try:
        yield Site(mesh, *sign_up(mesh))
    finally:
        assert stop(mesh) == 0
