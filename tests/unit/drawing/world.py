"""A drawing whose sources are in memory, can fail, and keep count of their calls."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from aviary.tweet.v1.tweet_pb2 import Tweet
from aviary.user.v1.user_pb2 import User

from services.platform.drawing.drawing import Drawing, Drawn
from services.platform.drawing.figures import Figures
from services.platform.drawing.heard_values import HeardValues
from services.platform.drawing.looked_up import LookedUp
from services.platform.drawing.pieces import UNKNOWN_COUNTS, TweetPieces, pieces_of
from services.platform.drawing.ports import DrawnTweet, Newest, ReferencedTweet, UserPiece
from services.platform.drawing.viewers import CachedViewers
from services.platform.errors import UnavailableError
from services.platform.rpc.json_answers import json_writer
from services.platform.visibility.rule import Sight

write_user = json_writer(User.DESCRIPTOR)


def a_tweet(
    tweet_id: int, author_id: int, *mentions: str, answers: int = 0, quotes: int = 0
) -> ReferencedTweet:
    tweet = Tweet(
        tweet_id=tweet_id,
        user_id=author_id,
        text="hi",
        in_reply_to_tweet_id=answers or None,
        quote_tweet_id=quotes or None,
    )
    for mention in mentions:
        tweet.entities.mentions.add(username=mention)
    return ReferencedTweet(tweet_id, author_id, tweet.SerializeToString())


class World:
    """Every source at once; `failing` names those that do not answer."""

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.likes: Counter[int] = Counter()
        self.done: dict[int, int] = {}
        self.gone: set[int] = set()
        self.named: dict[str, int] = {}
        self.tweets: dict[int, DrawnTweet] = {}
        self.hides: frozenset[int] = frozenset()
        self.kept_counts, self.kept_users = HeardValues[TweetPieces](), HeardValues[UserPiece]()
        self.kept_counts.open()
        self.kept_users.open()
        self.figures = Figures(
            LookedUp(self.kept_counts, self.counts, UNKNOWN_COUNTS), CachedViewers(self)
        )
        users = LookedUp(self.kept_users, self.users, UserPiece())
        self.drawing = Drawing(self.figures, users, self, self, self)

    async def draw(
        self,
        tweets: Sequence[DrawnTweet],
        viewer: int = 0,
        *,
        withheld: int = 0,
        **asked: Any,
    ) -> Drawn:
        return await self.drawing.draw(tweets, viewer, withheld=withheld, **asked)

    async def counts(self, tweet_ids: Sequence[int]) -> dict[int, TweetPieces]:
        self._called("counts")
        return {
            one: pieces_of(likes=self.likes[one], retweets=0, replies=0, quotes=0)
            for one in tweet_ids
        }

    async def engaged(self, _user_id: int, tweet_ids: Sequence[int]) -> dict[int, int]:
        self._called("engaged")
        return {one: self.done[one] for one in tweet_ids if one in self.done}

    async def newest(self, _user_id: int) -> Newest:
        self._called("newest")
        return Newest(dict(self.done), 0)

    async def users(self, user_ids: Sequence[int]) -> dict[int, UserPiece]:
        self._called("users")
        return {one: UserPiece() if one in self.gone else piece(one) for one in user_ids}

    async def mentioned(self, handles: Sequence[str]) -> dict[int, UserPiece]:
        self._called("mentioned")
        return {self.named[one]: piece(self.named[one]) for one in handles if one in self.named}

    async def referenced(self, tweet_ids: Sequence[int]) -> dict[int, DrawnTweet]:
        self._called("referenced")
        return {one: self.tweets[one] for one in tweet_ids if one in self.tweets}

    async def of(self, _viewer: int, author_ids: Collection[int]) -> dict[int, Sight]:
        self._called("sights")
        return {each: Sight(muting=each in self.hides) for each in author_ids}

    async def of_pairs(self, _pairs: Collection[tuple[int, int]]) -> dict[tuple[int, int], Sight]:
        raise AssertionError

    def _called(self, name: str) -> None:
        self.calls[name] += 1
        if name in self.failing:
            raise UnavailableError("no answer")


def piece(user_id: int) -> UserPiece:
    user = User(user_id=user_id, handle=f"u{user_id}")
    return UserPiece(user.SerializeToString(), write_user(user).encode())
