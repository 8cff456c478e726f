"""Rows that somebody else wrote, and disks without room for more."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager

import httpx

from services.engagement.count_store import first_cell
from services.engagement.model import Kind
from services.engagement.spec import SPEC as ENGAGEMENT
from services.graph.edge_rows import column_of
from services.graph.order import LAST_MS
from services.graph.spec import FOLLOWING
from services.graph.spec import SPEC as GRAPH
from services.platform.composition.dependencies import Dependencies
from services.platform.config.settings import Settings
from services.platform.rows.keys import user_row_key
from services.platform.rows.port import RowMutation, RowStore, TableSpec
from services.platform.specs import ServiceSpec
from tests.e2e.acting import follow, post, user
from tests.e2e.conftest import Mesh
from tests.e2e.operators import operate
from tests.observability.faults.repeating import repeating
from tests.observability.watching import Watched
from tests.small_disk import SmallDisk

__all__ = ["edge_of_the_future", "full_disk", "miscounted", "with_rows"]

TRY_AGAIN_S = 1.0


def with_rows(
    mesh: Mesh,
    spec: ServiceSpec,
    tables: Sequence[TableSpec],
    act: Callable[[RowStore], Awaitable[None]],
) -> None:
    """Do something with the rows of a running service."""

    async def run() -> None:
        async with AsyncExitStack() as stack:
            settings = Settings.from_environment(mesh.stores())
            await act(await Dependencies(spec, settings, stack).rows(spec.name, tables))

    asyncio.run(run())


@contextmanager
def edge_of_the_future(watched: Watched) -> Iterator[None]:
    """A follow that something wrote with a date beyond every id; its owner wants to end it."""
    mesh = watched.mesh
    follower, followee = user(mesh), user(mesh)
    follow(mesh, follower, followee)
    key, column = user_row_key(follower), column_of(followee)

    def change(mutation: RowMutation) -> None:
        with_rows(mesh, GRAPH, GRAPH.tables, lambda rows: rows.mutate([mutation]))

    def unfollow() -> None:
        body = {"follower_id": follower, "followee_id": followee}
        answer = mesh.rest.post("/v1/unfollow", json=body)
        assert answer.status_code == httpx.codes.BAD_REQUEST, answer.text

    change(RowMutation(FOLLOWING.name, key, {column: b"1"}, timestamp_ms=LAST_MS + 1))
    try:
        with repeating(unfollow, TRY_AGAIN_S):
            yield
    finally:
        change(RowMutation(FOLLOWING.name, key, deletes=[column]))
    follow(mesh, follower, followee, "unfollow")


@contextmanager
def miscounted(watched: Watched) -> Iterator[None]:
    """Something writes a wrong count of likes, again and again; an operator has it compared."""
    mesh = watched.mesh
    tweet_id = post(mesh, user(mesh))
    cell = first_cell(tweet_id, Kind.LIKE)
    wrong = RowMutation(cell.table, cell.key, {cell.column: (7).to_bytes(8, "big")})

    def compare() -> None:
        with_rows(mesh, ENGAGEMENT, ENGAGEMENT.tables, lambda rows: rows.mutate([wrong]))
        operate(mesh, "counts", str(tweet_id), "--reconcile")

    with repeating(compare, TRY_AGAIN_S):
        yield


@contextmanager
def full_disk(watched: Watched) -> Iterator[None]:
    """No byte is left on the disk with the data and the logs."""
    disk = SmallDisk(watched.mesh.data_dir.parent)
    try:
        with repeating(disk.fill, TRY_AGAIN_S):
            yield
    finally:
        disk.free()
