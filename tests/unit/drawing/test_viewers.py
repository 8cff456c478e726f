"""What a viewer did is kept under a mark, and is right for as long as that stands."""

from collections import Counter
from collections.abc import Sequence

import pytest

from services.platform.drawing.pieces import LIKED, NOBODY
from services.platform.drawing.ports import Newest
from services.platform.drawing.viewers import CachedViewers

ADA, BOB = 1, 2


class Edges:
    """A source that keeps count of its calls."""

    def __init__(self, newest: int = 3) -> None:
        self.liked: dict[int, list[int]] = {}
        self.calls: Counter[str] = Counter()
        self._newest = newest

    async def engaged(self, user_id: int, tweet_ids: Sequence[int]) -> dict[int, int]:
        self.calls["engaged"] += 1
        return {one: LIKED for one in self.liked.get(user_id, []) if one in tweet_ids}

    async def newest(self, user_id: int) -> Newest:
        self.calls["newest"] += 1
        liked = sorted(self.liked.get(user_id, []), reverse=True)
        shown = liked[: self._newest]
        return Newest(dict.fromkeys(shown, LIKED), shown[-1] if len(liked) > len(shown) else 0)


@pytest.fixture
def edges() -> Edges:
    return Edges()


async def test_it_is_looked_up_once_for_a_mark(edges: Edges) -> None:
    viewers = CachedViewers(edges)
    edges.liked[ADA] = [10]
    assert viewers.kept(ADA, [10, 11], b"a") is None
    assert await viewers.done(ADA, [10, 11], b"a") == [LIKED, 0]
    assert viewers.kept(ADA, [10, 11], b"a") == [LIKED, 0]
    assert viewers.kept(ADA, [12], b"a") == [0]
    edges.liked[ADA] = []
    assert viewers.kept(ADA, [10], b"b") is None
    assert await viewers.done(ADA, [10], b"b") == [0]
    assert edges.calls == {"newest": 2}


async def test_without_a_mark_nothing_is_kept(edges: Edges) -> None:
    viewers = CachedViewers(edges)
    for liked in ([10], []):
        edges.liked[ADA] = liked
        assert viewers.kept(ADA, [10], b"") is None
        assert await viewers.done(ADA, [10], b"") == [LIKED * len(liked)]
    assert edges.calls == {"engaged": 2}


async def test_below_the_newest_it_is_looked_up(edges: Edges) -> None:
    viewers = CachedViewers(edges)
    edges.liked[ADA] = [1, 5, 6, 7]
    assert await viewers.done(ADA, [7, 2, 1], b"a") == [LIKED, 0, LIKED]
    assert viewers.kept(ADA, [7, 5], b"a") == [LIKED, LIKED]
    assert viewers.kept(ADA, [7, 4], b"a") is None
    assert edges.calls == {"newest": 1, "engaged": 1}


async def test_nobody_in_particular_did_nothing_that_is_said(edges: Edges) -> None:
    assert CachedViewers(edges).kept(0, [1, 2], b"") == [NOBODY, NOBODY]
    assert not edges.calls


async def test_viewers_unused_for_longest_make_room(edges: Edges) -> None:
    viewers = CachedViewers(edges, kept_tweets=45)
    edges.liked = {ADA: [1], BOB: [1]}
    for viewer in (ADA, BOB):
        await viewers.done(viewer, [1], b"a")
    assert viewers.kept(ADA, [1], b"a") == [LIKED]
    await viewers.done(3, [1], b"a")
    assert viewers.kept(BOB, [1], b"a") is None
    assert viewers.kept(ADA, [1], b"a") == [LIKED]
