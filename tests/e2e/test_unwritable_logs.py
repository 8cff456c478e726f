"""Processes whose logs cannot be written work as if nothing were, through every kind of trouble."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.acting import eventually, follow, home, post, user
from tests.e2e.conftest import Mesh, becomes_whole, start, stop

LEASE_RENEWAL_S = 20.0


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    folder = tmp_path_factory.mktemp("unwritable")
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@" >/dev/full 2>/dev/full\n')
    python.chmod(0o755)
    running = start(folder / "data", python=python, AVIARY_AUDIT="files")
    yield running
    assert stop(running) == 0


def engine(mesh: Mesh, name: str) -> int:
    """Process id of one of the Valkeys."""
    url = mesh.valkey_url(name)
    at = urlsplit(url).netloc.rpartition("@")[2]
    for entry in Path("/proc").iterdir():
        # It calls itself by its address.
        if entry.name.isdigit() and at in " ".join(_words(entry)[:1]):
            return int(entry.name)
    raise AssertionError(f"no {name} is running")


def _words(entry: Path) -> list[str]:
    try:
        return (entry / "cmdline").read_text().split("\0")
    except OSError:
        return []


def killed(mesh: Mesh, name: str) -> bool:
    """Kill a service; return whether it was running, since it may just have ended."""
    process_id = mesh.children().get(name)
    if process_id is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(process_id, signal.SIGKILL)
    return True


def test_what_is_posted_is_delivered(mesh: Mesh) -> None:
    author, reader = user(mesh), user(mesh)
    follow(mesh, reader, author)
    tweets = [post(mesh, author)]
    eventually(lambda: home(mesh, reader), tweets[::-1])
    for name in ("bus", "cache"):
        # Every loop that uses it fails, and wants to say so.
        os.kill(engine(mesh, name), signal.SIGSTOP)
        tweets.append(post(mesh, author))
        gone = time.monotonic()
        while time.monotonic() - gone < 3:  # several tries of each loop
            tweets.append(post(mesh, author))
        os.kill(engine(mesh, name), signal.SIGKILL)
        assert becomes_whole(mesh)
        tweets.append(post(mesh, author))
        eventually(lambda: home(mesh, reader, 200), tweets[::-1])


def test_what_depends_on_another_service_comes_back_with_it(mesh: Mesh) -> None:
    author = user(mesh)
    # Killed again and again until those who hold leases have missed a renewal: they try in vain.
    began = time.monotonic()
    while time.monotonic() - began < LEASE_RENEWAL_S:
        eventually(lambda: killed(mesh, "id"), expected=True)
    assert becomes_whole(mesh)
    assert post(mesh, author)


def test_the_logs_have_nothing_of_it(mesh: Mesh) -> None:
    """So nothing here was written past what cannot be written."""
    for name in mesh.children():
        assert not (mesh.data_dir / "logs" / f"{name}.log").read_bytes()
