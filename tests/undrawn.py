"""A drawing whose sources know nothing: tweets are answered as they are, unread by anybody."""

from collections.abc import Sequence

from services.platform.drawing.drawing import Drawing
from services.platform.drawing.figures import Figures
from services.platform.drawing.heard_values import HeardValues
from services.platform.drawing.looked_up import LookedUp
from services.platform.drawing.pieces import UNKNOWN_COUNTS, TweetPieces
from services.platform.drawing.ports import DrawnTweet, Newest, UserPiece
from services.platform.drawing.viewers import CachedViewers
from tests.sights import SetSights


class Unmarked:
    """The context of a call by a sibling, or by nobody."""

    def invocation_metadata(self) -> tuple[()]:
        return ()

    async def send_initial_metadata(self, metadata: object) -> None:
        """Nobody hears it."""


UNMARKED = Unmarked()


class Nothing:
    """Every source at once."""

    async def counts(self, _tweet_ids: Sequence[int]) -> dict[int, TweetPieces]:
        return {}

    async def engaged(self, _user_id: int, _tweet_ids: Sequence[int]) -> dict[int, int]:
        return {}

    async def newest(self, _user_id: int) -> Newest:
        return Newest({}, 0)

    async def users(self, _user_ids: Sequence[int]) -> dict[int, UserPiece]:
        return {}

    async def mentioned(self, _handles: Sequence[str]) -> dict[int, UserPiece]:
        return {}

    async def referenced(self, _tweet_ids: Sequence[int]) -> dict[int, DrawnTweet]:
        return {}


def undrawn() -> Drawing:
    nothing = Nothing()
    counts = LookedUp(HeardValues[TweetPieces](), nothing.counts, UNKNOWN_COUNTS)
    users = LookedUp(HeardValues[UserPiece](), nothing.users, UserPiece())
    return Drawing(Figures(counts, CachedViewers(nothing)), users, nothing, nothing, SetSights())
