"""The order of changes, whatever clocks say: against a model that knows no time, and at its end."""

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from services.graph.model import Change, Edge, EdgeStates, PlannedChange, Relation
from services.graph.order import BARRED_AHEAD_MS, LAST_MS, OUT_OF_ORDER, dated
from services.graph.spec import OUTBOX, TABLES
from services.platform.errors import FailedPreconditionError, PermissionDeniedError
from services.platform.ids.snowflake_time import EPOCH_MS, WORKER_COUNT, first_id_at
from services.platform.observability.log_events import EVENT_GRAPH_OUT_OF_ORDER
from services.platform.observability.names import METRIC_GRAPH_OUT_OF_ORDER
from services.platform.rows.sqlite.rows import SqliteRowStore
from tests.contract.metric_values import Metrics
from tests.unit.graph.world import ClockIds, MovableClock, World, block, follow, mute

PEOPLE = (1, 2, 3)
YEAR_MS = 365 * 86_400_000
START_MS = MovableClock().ms

pairs = st.permutations(PEOPLE).map(lambda people: (people[0], people[1]))
uses = st.sampled_from(["follow", "unfollow", "block", "unblock", "mute", "unmute"])
jumps = st.sampled_from([0, 0, 0, 1, 1_000, 3_600_000, YEAR_MS]).flatmap(
    lambda ms: st.sampled_from([ms, -ms])
)
steps = st.lists(st.tuples(jumps, st.integers(0, 1), uses, pairs), min_size=1, max_size=20)


@dataclass
class Model:
    """The graph as sets."""

    edges: set[Edge] = field(default_factory=set)

    def use(self, name: str, one: int, other: int) -> bool:
        """Make the change; False for one that is refused."""
        match name:
            case "follow":
                if self.edges & {block(one, other), block(other, one)}:
                    return False
                self.edges.add(follow(one, other))
            case "block":
                self.edges -= {follow(one, other), follow(other, one)}
                self.edges.add(block(one, other))
            case "mute":
                self.edges.add(mute(one, other))
            case _:
                relation = Relation(name.removeprefix("un"))
                self.edges.discard(Edge(relation, one, other))
        return True

    def others(self, relation: Relation, owner: int) -> list[int]:
        return sorted(
            e.other_id for e in self.edges if (e.relation, e.owner_id) == (relation, owner)
        )

    def owners(self, relation: Relation, other: int) -> list[int]:
        return sorted(
            e.owner_id for e in self.edges if (e.relation, e.other_id) == (relation, other)
        )


async def agrees(world: World, model: Model) -> None:
    for user in PEOPLE:
        assert await world.following(user) == model.others(Relation.FOLLOW, user)
        assert await world.followers(user) == model.owners(Relation.FOLLOW, user)
        hidden = {
            *model.others(Relation.MUTE, user),
            *model.others(Relation.BLOCK, user),
            *model.owners(Relation.BLOCK, user),
        }
        assert await world.hidden(user) == sorted(hidden)
        assert await world.count(user) == len(model.owners(Relation.FOLLOW, user))


@asynccontextmanager
async def processes() -> AsyncIterator[list[World]]:
    """Two processes of the graph service on one machine's rows."""
    clock = MovableClock()
    with tempfile.TemporaryDirectory() as folder:
        rows = SqliteRowStore(Path(folder) / "rows.db", (*TABLES, OUTBOX), clock)
        await rows.open()
        try:
            yield [World(rows, clock, ClockIds(clock, worker)) for worker in (7, 8)]
        finally:
            await rows.close()


@settings(max_examples=40, deadline=None)
@given(steps, st.randoms(use_true_random=False))
def test_changes_do_what_a_model_without_time_does(
    plan: list[tuple[int, int, str, tuple[int, int]]], rng: random.Random
) -> None:
    async def run() -> None:
        model = Model()
        made: list[tuple[Change, bytes]] = []
        async with processes() as worlds:
            for world in worlds:
                remember(world, made)
            for jump_ms, process, name, (one, other) in plan:
                world = worlds[process]
                world.clock.ms = max(EPOCH_MS, world.clock.ms + jump_ms)
                use = world.follows if name.endswith("follow") else world.blocks
                if model.use(name, one, other):
                    await getattr(use, name)(one, other)
                else:
                    with pytest.raises(PermissionDeniedError, match="blocks the other"):
                        await getattr(use, name)(one, other)
                await agrees(worlds[1 - process], model)
            # What a crash left in an outbox is replayed at any time, and more than once.
            for change, event in rng.sample(made, len(made)):
                await worlds[0].store.commit(change, event)
            await agrees(worlds[0], model)

    asyncio.run(run())


def remember(world: World, made: list[tuple[Change, bytes]]) -> None:
    commit = world.store.commit

    async def remembering(change: Change, event: bytes) -> None:
        made.append((change, event))
        await commit(change, event)

    world.store.commit = remembering  # type: ignore[method-assign]


def known(at_ms: int, *edges: Edge) -> EdgeStates:
    return EdgeStates(frozenset(), frozenset(), dict.fromkeys(edges, at_ms))


def test_a_change_goes_by_its_id_where_that_is_later() -> None:
    edge, at_ms = follow(1, 2), START_MS
    op_id = first_id_at(at_ms)
    assert (
        dated(op_id, PlannedChange((edge,), (), b""), known(at_ms - 1, edge)).timestamp_ms(edge)
        == at_ms
    )


@pytest.mark.parametrize("worker", [0, WORKER_COUNT - 1])
def test_a_change_goes_on_from_what_was_read_by_a_step_of_its_process(worker: int) -> None:
    edge, bystander = follow(1, 2), follow(1, 3)
    op_id = first_id_at(START_MS) | worker << 12 | 5
    read = EdgeStates(frozenset(), frozenset(), {edge: START_MS + YEAR_MS, bystander: 0})
    change = dated(op_id, PlannedChange((bystander,), (edge,), b""), read)
    assert change.timestamp_ms(edge) == START_MS + YEAR_MS + 1 + worker
    assert change.timestamp_ms(bystander) == START_MS


@pytest.mark.parametrize("seen_ms", [0, START_MS, START_MS + YEAR_MS])
def test_a_bar_is_dated_after_every_change_that_may_not_have_seen_it(seen_ms: int) -> None:
    edge = follow(1, 2)
    op_id = first_id_at(START_MS)
    barred_ms = dated(
        op_id, PlannedChange((), (), b"", barred=(edge,)), known(seen_ms, edge)
    ).timestamp_ms(edge)
    for ahead_ms in (0, BARRED_AHEAD_MS - 1):
        racing = first_id_at(START_MS + ahead_ms) | (WORKER_COUNT - 1) << 12
        change = dated(racing, PlannedChange((edge,), (), b""), known(seen_ms, edge))
        assert change.timestamp_ms(edge) < barred_ms


async def test_what_is_dated_beyond_every_id_is_refused_aloud() -> None:
    metrics = Metrics()
    async with processes() as (first, _):
        edge = follow(1, 2)
        beyond = Change(first_id_at(START_MS), (edge,), (), later_ms={edge: LAST_MS})
        await first.store.commit(beyond, b"")
        world = World(first.rows, first.clock, first.ids, metrics.provider)
        for refused in (world.follows.unfollow(1, 2), world.blocks.block(2, 1)):
            with capture_logs() as logs, pytest.raises(FailedPreconditionError) as caught:
                await refused
            assert caught.value.reason == OUT_OF_ORDER
            assert caught.value.metadata == {"relation": "follow", "owner_id": "1", "other_id": "2"}
            assert [each["event"] for each in logs] == [EVENT_GRAPH_OUT_OF_ORDER]
        assert metrics.values(METRIC_GRAPH_OUT_OF_ORDER) == {(): 2}
        # Nothing else is held up by it.
        await world.follows.follow_many(1, [2, 3])
        assert await world.following(1) == [2, 3]
        assert len(await world.entries()) == 2
