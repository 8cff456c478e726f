"""An upgrade from the commit before the change, one service after the other, and the way back."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.platform.specs import all_specs
from tests.e2e.acting import eventually, follow, home, post
from tests.e2e.conftest import SIDECARS, Mesh, python_path, start, stop
from tests.e2e.test_identity import logged_in, refresh, register, sign_up
from tools.proto_history import AGAINST, commit_before, unpack

ROOT = Path(__file__).resolve().parents[2]
ORDER = (
    "id",
    "user",
    "identity",
    "graph",
    "media",
    "tweet",
    "engagement",
    "search",
    "list",
    "notification",
    "timeline",
    "live",
    "fanout",
    "gateway",
)
"""Whom others call comes first, as the how-to page says; the edge, which calls all, is last."""
ASKED_LATER = {"user": {"graph", "tweet"}, "media": {"tweet"}, "tweet": {"engagement"}}
"""Who calls somebody who comes later, and does without an answer for that long: users have no
counts meanwhile, nor have tweets, and pictures without a tweet stay."""
FIRST_HALF = ORDER[: ORDER.index("notification") + 1]
"""With all that the code before may not have yet."""

pytestmark = pytest.mark.skipif(SIDECARS, reason="once is enough, and sidecars are no code of ours")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code before the change."""
    commit = commit_before(ROOT, os.environ.get(AGAINST))
    assert commit is not None, "there is no commit before this one to upgrade from"
    return unpack(ROOT, commit, tmp_path_factory.mktemp("before"), ".")


def mixed(folder: Path, before: Path, new: tuple[str, ...]) -> Path:
    """An interpreter that runs these services of this code, and all others of the code before.

    Whichever code's supervisor starts it, and configures the edge.
    """
    found = folder / f"python-{len(new)}"
    variables = " ".join(f"{name}='{value}'" for name, value in python_path(before).items())
    found.write_text(
        "#!/bin/sh\n"
        f'case " {" ".join(new)} " in *" $3 "*)'
        f' cd {ROOT} && exec env -u PYTHONPATH {sys.executable} "$@" ;; esac\n'
        f'cd {before} && exec env {variables} {sys.executable} "$@"\n'
    )
    found.chmod(0o755)
    return found


@contextmanager
def running(
    data: Path, *, checkout: Path | None = None, python: Path | None = None
) -> Iterator[Mesh]:
    mesh = start(data, checkout=checkout, python=python)
    try:
        yield mesh
    finally:
        assert stop(mesh) == 0


def runs(pid: int, checkout: Path) -> bool:
    return Path(f"/proc/{pid}/cwd").resolve() == checkout.resolve()


def test_order_is_complete() -> None:
    assert set(ORDER) == set(all_specs())
    called = {
        name: {call.split(".")[1] for call in spec.calls} for name, spec in all_specs().items()
    }
    for place, name in enumerate(ORDER):
        # Ids are leased by whoever makes them; and a gateway asks all for their health.
        later = called[name] - {name} - set(ORDER[:place])
        assert later <= ASKED_LATER.get(name, set()), f"{name} calls who comes later"


@pytest.mark.timeout(1_200)  # six systems, one after the other
def test_everything_goes_on_through_an_upgrade_and_back(tmp_path: Path, before: Path) -> None:
    data = tmp_path / "data"
    posted: list[int] = []

    with running(data, checkout=before) as mesh:
        # By the command of the same version: the issuer has to read what it writes.
        app = register(mesh, "--public", checkout=before)
        handle, ada = sign_up(mesh)
        _, bob = sign_up(mesh)
        follow(mesh, bob, ada)
        session = logged_in(mesh, handle, app)

    def goes_on(mesh: Mesh) -> None:
        nonlocal session
        # What was there is there, what is new reaches who reads, and a session goes on.
        eventually(lambda: home(mesh, bob), posted[::-1])
        posted.append(post(mesh, ada, f"number {len(posted)}"))
        eventually(lambda: home(mesh, bob), posted[::-1])
        _, new = sign_up(mesh)
        follow(mesh, new, ada)
        eventually(lambda: home(mesh, new), posted[::-1])
        answer = refresh(mesh, session["refresh_token"], app)
        assert answer.is_success, answer.text
        session = answer.json()

    old_edge, new_edge = before, None
    for new, edge in (
        (FIRST_HALF, old_edge),
        # A gateway waits for every service that it knows, which its own supervisor starts.
        (ORDER[:-1], old_edge),
        (ORDER, new_edge),
        (FIRST_HALF, old_edge),
    ):
        with running(data, checkout=edge, python=mixed(tmp_path, before, new)) as mesh:
            children = mesh.children()
            # A supervisor of the code before starts no service that came after it.
            started = set(new) & set(children)
            assert {name for name, pid in children.items() if not runs(pid, before)} == started
            goes_on(mesh)
    with running(data, checkout=before) as mesh:
        goes_on(mesh)
