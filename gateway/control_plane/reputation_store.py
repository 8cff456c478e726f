"""Anomaly scores in Valkey, and the lists of subjects whose scores count."""

import asyncio
from collections.abc import Mapping, Sequence
from math import isfinite

from gateway.control_plane.keys import (
    accounts_key,
    listed_key,
    posts_key,
    reputation_key,
    subject_name,
)
from gateway.control_plane.reputation import ReputationRules
from gateway.control_plane.scripts import COUNT_POST, NOTE_ACCOUNT, RAISE
from gateway.limits.budgets import Subject
from services.platform.runtime.clock import CLOCK_SKEW_MS, Clock
from services.platform.tokens.edge_lists import MAX_LISTED, TrimmedLists
from services.platform.valkey.connection import ValkeyClient, valkey_errors
from services.platform.valkey.script import Script

__all__ = ["ReputationStore"]

POSTS_WINDOW_S = 3_600
"""The same text again after an hour may be a habit; within it, it is spam."""

_MS_PER_HOUR = 3_600_000


class ReputationStore:
    """Raises and lists scores. Every method raises UnavailableError when Valkey cannot be asked."""

    def __init__(self, client: ValkeyClient, clock: Clock, rules: ReputationRules) -> None:
        self._client = client
        self._clock = clock
        self._rules = rules
        self._lists = TrimmedLists(client)
        self._raise = Script(client, RAISE)
        self._count_post = Script(client, COUNT_POST)
        self._note_account = Script(client, NOTE_ACCOUNT)

    async def raise_scores(self, points: Mapping[str, float]) -> None:
        """Add points to subjects' scores (names as `keys.subject_key` gives them)."""
        await asyncio.gather(*(self._raise_score(who, more) for who, more in points.items()))

    async def _raise_score(self, who: str, more: float) -> None:
        now_ms = self._clock.now_ms()
        moment: int = await self._raise.run(
            [reputation_key(who)],
            now_ms,
            str(more).encode(),
            round(self._rules.half_life_ms),
            self._rules.most_ms,
            CLOCK_SKEW_MS,
        )
        if moment - now_ms >= self._rules.suspect_ms:
            subject, _, name = who.partition(":")
            with valkey_errors():
                await self._client.zadd(listed_key(Subject(subject)), {name: moment})

    async def listed(self, subject: Subject) -> dict[str, int]:
        """Give the subjects who are suspect or worse by the moment of their score.

        No more than `MAX_LISTED`, the worst. Writes mind the reputation of all the others too; the
        reads of those beyond the list pass as those of a good subject.
        """
        now_ms = self._clock.now_ms()
        least = now_ms + self._rules.suspect_ms
        # Beyond what a score can be: of a clock that was ahead.
        most = now_ms + self._rules.most_ms + CLOCK_SKEW_MS
        found = await self._lists.listed(
            listed_key(subject),
            # The highest scores; what exceeds the most is the mildest.
            keep=MAX_LISTED,
            drop=((b"-inf", b"(%d" % least), (b"(%d" % most, b"+inf")),
        )
        # A name that no subject can have is left out: an edge takes all of a list, or none.
        return {
            readable: int(moment)
            for name, moment in found.items()
            if isfinite(moment) and (readable := subject_name(subject, name)) is not None
        }

    async def repeats(self, posts: Sequence[tuple[str, str]]) -> list[int]:
        """Count posts, each of a subject and with a digest, in one round trip.

        Gives for each how often before it the subject posted the same within the hour.
        """
        pages = [((posts_key(who, digest),), (POSTS_WINDOW_S,)) for who, digest in posts]
        counts: list[int] = await self._count_post.run_pages(pages) if pages else []
        return [count - 1 for count in counts]

    async def accounts(self, seen: Sequence[tuple[str, str]]) -> list[tuple[int, bool]]:
        """Note users at addresses, each pair (address, user), in one round trip.

        Gives for each how many the address has in this hour, and whether this one is new. Counted
        by HyperLogLog, so about right and never large.
        """
        hour = self._clock.now_ms() // _MS_PER_HOUR
        pages = [
            ((accounts_key(address, hour),), (user.encode(), 2 * POSTS_WINDOW_S))
            for address, user in seen
        ]
        found: list[list[int]] = await self._note_account.run_pages(pages) if pages else []
        return [(count, bool(is_new)) for is_new, count in found]
