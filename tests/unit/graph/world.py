"""The graph's use cases on a real store, with users and ids made up."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from opentelemetry import metrics

from services.graph.blocks import Blocks
from services.graph.changes import Changes
from services.graph.counting import FollowingCounts
from services.graph.follow_limit import FollowLimit
from services.graph.follows import Follows
from services.graph.model import Edge, FollowerPage, Relation, UserProfile
from services.graph.muted_word_rows import RowMutedWords
from services.graph.muted_words import MutedWordLists
from services.graph.ports import IdSource
from services.graph.reads import Reads
from services.graph.relation_reads import RelationReads
from services.graph.spec import OUTBOX
from services.graph.store import RowGraphStore
from services.platform.ids.snowflake_time import first_id_at
from services.platform.outbox.outbox import Outbox, OutboxEntry
from services.platform.rows.port import RowStore

USERS = 50


def follow(follower: int, followee: int) -> Edge:
    return Edge(Relation.FOLLOW, follower, followee)


def block(blocker: int, blocked: int) -> Edge:
    return Edge(Relation.BLOCK, blocker, blocked)


def mute(muter: int, muted: int) -> Edge:
    return Edge(Relation.MUTE, muter, muted)


@dataclass
class MovableClock:
    ms: int = 1_800_000_000_000

    def now_ms(self) -> int:
        return self.ms


class TickingIds:
    """Snowflakes, each one `step` milliseconds after the one before."""

    def __init__(self) -> None:
        self._ms = 1_000
        self.step = 1

    async def next_id(self) -> int:
        self._ms += self.step
        return self._ms << 22


class ClockIds:
    """Snowflakes of one process, made by the clock, wherever that goes."""

    def __init__(self, clock: MovableClock, worker: int) -> None:
        self._clock = clock
        self._low = worker << 12
        self._made = 0

    async def next_id(self) -> int:
        self._made = (self._made + 1) % (1 << 12)
        return first_id_at(self._clock.ms) | self._low | self._made


@dataclass
class FewUsers:
    """Users 1 to `USERS`, but for the deleted."""

    deleted: set[int] = field(default_factory=set)
    lookups: list[list[int]] = field(default_factory=list)

    async def missing(self, user_ids: Sequence[int]) -> list[int]:
        return [user_id for user_id in user_ids if not self._exists(user_id)]

    async def profiles(self, user_ids: Sequence[int]) -> list[UserProfile]:
        self.lookups.append(list(user_ids))
        return [
            UserProfile(user_id, f"u{user_id}", f"User {user_id}", user_id)
            for user_id in user_ids
            if self._exists(user_id)
        ]

    def _exists(self, user_id: int) -> bool:
        return user_id <= USERS and user_id not in self.deleted


class JsonEvents:
    def follow_changed(self, follower: int, followee: int, *, following: bool) -> bytes:
        return json.dumps([follower, followee, following]).encode()

    def follows_added(self, follower: int, followees: Sequence[int]) -> bytes:
        return json.dumps(["added", follower, list(followees)]).encode()

    def relations_changed(self, users: Sequence[int]) -> bytes:
        return json.dumps(["changed", list(users)]).encode()

    def with_requests(self, event: bytes, made: Sequence[Edge], ended: Sequence[Edge]) -> bytes:
        requests = [
            [what, edge.owner_id, edge.other_id]
            for what, edges in (("asks", made), ("asked", ended))
            for edge in edges
        ]
        return json.dumps([*json.loads(event), *requests]).encode()


class World:
    """One process of the graph service."""

    def __init__(  # noqa: PLR0913 - what tests set
        self,
        rows: RowStore,
        clock: MovableClock,
        ids: IdSource | None = None,
        meter_provider: metrics.MeterProvider | None = None,
        *,
        max_followed: int = 5_000,
        max_hidden: int = 5_000,
    ) -> None:
        self.rows, self.clock = rows, clock
        self.outbox = Outbox(rows, clock, OUTBOX)
        self.store = RowGraphStore(rows, self.outbox, clock)
        self.ids, self.users, self.json_events = TickingIds(), FewUsers(), JsonEvents()
        self.forgotten: list[set[int]] = []
        self.changes = Changes(
            self.store, ids or self.ids, self, self.json_events, meter_provider=meter_provider
        )
        self.limit = FollowLimit(self.store, max_followed)
        self.follows = Follows(self.changes, self.users, self.json_events, self.store, self.limit)
        self.blocks = Blocks(self.changes, self.users, self.json_events)
        self.words = RowMutedWords(rows)
        self.muted_words = MutedWordLists(
            self.words,
            self.store,
            self.changes,
            self.users,
            self.json_events,
            ids=ids or self.ids,
            clock=clock,
        )
        counts = FollowingCounts(self.store)
        self.reads = Reads(self.store, self.users, self.users, counts)
        self.relations = RelationReads(self.store, counts, max_hidden)

    async def forget(self, viewers: Collection[int]) -> None:
        self.forgotten.append(set(viewers))

    async def entries(self) -> list[OutboxEntry]:
        pending = await self.outbox.pending(-60_000, 1_600)
        return sorted(pending, key=lambda entry: entry.id)

    async def events(self) -> list[list[object]]:
        return [json.loads(entry.data) for entry in await self.entries()]

    async def pages(self, user_id: int, page_size: int) -> list[FollowerPage]:
        return [page async for page in self.reads.stream_followers(user_id, page_size)]

    async def count(self, user_id: int) -> int:
        return (await self.reads.counts([user_id]))[0].followers

    async def following(self, user_id: int) -> list[int]:
        return list((await self.relations.whole(user_id)).following_ids)

    async def hidden(self, user_id: int) -> list[int]:
        return list((await self.relations.whole(user_id)).hidden_ids)

    async def followers(self, user_id: int) -> list[int]:
        part = await self.store.followers(user_id, after=None, limit=10_000)
        assert part.resume_after is None
        return list(part.ids)
