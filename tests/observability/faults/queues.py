"""Queues that stand still, and messages that nobody can take."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from services.fanout.spec import AUTHOR, GRAPH, REST
from services.identity.spec import ERASURE
from services.media.spec import PROCESSING
from services.notification.spec import GRAPH as NOTIFICATION_GRAPH
from services.platform.outbox.outbox import Outbox, OutboxEntry
from services.platform.rows.port import RowStore
from services.platform.runtime.clock import SystemClock
from services.search.spec import TWEETS as FOUND
from services.tweet.spec import OUTBOX, SCANNING
from services.tweet.spec import SPEC as TWEET
from tests.e2e.acting import follow, post, user
from tests.e2e.live_stream import streaming
from tests.e2e.operators import operate
from tests.e2e.redelivery import redelivery
from tests.observability.faults.processes import posting
from tests.observability.faults.rows import with_rows
from tests.observability.watching import Watched, until

__all__ = [
    "all_poison",
    "flooded",
    "forgotten_pause",
    "found_late",
    "poisoned",
    "pushed_late",
    "refused_entry",
    "scanned_late",
    "told_late",
]

LATE_S: Final = 75.0
"""More than the minute that a push may take, by what has to be late for the alert to wait."""
POSTERS: Final = 4
ENTRY: Final = 1
POISON: Final = 12
POISON_WITHIN_S: Final = 180.0


@contextmanager
def _paused(watched: Watched, queue: str) -> Iterator[None]:
    operate(watched.mesh, "pause", queue)
    try:
        yield
    finally:
        operate(watched.mesh, "resume", queue)


@contextmanager
def forgotten_pause(watched: Watched) -> Iterator[None]:
    """An operator paused a queue, and went home."""
    with _paused(watched, ERASURE.name):
        yield


@contextmanager
def flooded(watched: Watched) -> Iterator[None]:
    """More is posted than is handled."""
    with _paused(watched, AUTHOR.name), posting(watched, POSTERS):
        yield


@contextmanager
def pushed_late(watched: Watched) -> Iterator[None]:
    """No push for over a minute, while people post and read; then all of them at once."""
    mesh, reader, author = watched.mesh, user(watched.mesh), user(watched.mesh)
    follow(mesh, reader, author)
    with _resumed_late(watched, REST.name), streaming(mesh, reader):
        post(mesh, author)
        yield


@contextmanager
def found_late(watched: Watched) -> Iterator[None]:
    """No index hears of a post for over a minute; then of all of them at once."""
    with _resumed_late(watched, FOUND.name):
        yield


@contextmanager
def scanned_late(watched: Watched) -> Iterator[None]:
    """No post is looked at for over a minute; then all of them at once."""
    with _resumed_late(watched, SCANNING.name):
        yield


@contextmanager
def told_late(watched: Watched) -> Iterator[None]:
    """Nobody hears of who follows them for over a minute, while people follow."""
    with _resumed_late(watched, NOTIFICATION_GRAPH.name):
        follow(watched.mesh, user(watched.mesh), user(watched.mesh))
        yield


@contextmanager
def _resumed_late(watched: Watched, queue: str) -> Iterator[None]:
    operate(watched.mesh, "pause", queue)
    ending = threading.Event()

    def resume() -> None:
        ending.wait(LATE_S)
        operate(watched.mesh, "resume", queue)

    thread = threading.Thread(target=resume, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


@contextmanager
def poisoned(watched: Watched) -> Iterator[None]:
    """A message that no handler understands."""
    mesh, queue = watched.mesh, GRAPH.name
    with redelivery(mesh) as bus:
        bus.publish(GRAPH.topic, b"\xff poison")
    try:
        yield
    finally:
        operate(mesh, "drop-dead-letters", queue, *_given_up(watched, queue))


@contextmanager
def all_poison(watched: Watched) -> Iterator[None]:
    """A queue of nothing but messages that no handler understands, as to one of a bad release."""
    mesh, queue = watched.mesh, PROCESSING.name
    with redelivery(mesh) as bus:
        for number in range(POISON):
            bus.publish(PROCESSING.topic, b"\xff poison %d" % number)
    try:
        yield
    finally:
        # The last of them once the others have failed some time ago.
        until(lambda: len(_given_up(watched, queue)) == POISON, POISON_WITHIN_S)
        operate(mesh, "drop-dead-letters", queue, *_given_up(watched, queue))


@contextmanager
def refused_entry(watched: Watched) -> Iterator[None]:
    """An event of the outbox that the bus has no topic for."""

    async def commit(rows: RowStore) -> None:
        entry = OutboxEntry(ENTRY, "no-such-topic", b"")
        await Outbox(rows, SystemClock(), OUTBOX).commit([], entry)

    queue = f"outbox.{OUTBOX.name}"
    with_rows(watched.mesh, TWEET, TWEET.tables, commit)
    try:
        yield
    finally:
        until(lambda: bool(_given_up(watched, queue)))
        operate(watched.mesh, "drop-dead-letters", queue, str(ENTRY))


def _given_up(watched: Watched, queue: str) -> list[str]:
    lines = operate(watched.mesh, "dead-letters").splitlines()
    return [line.split()[1] for line in lines if line.split()[0] == queue]
