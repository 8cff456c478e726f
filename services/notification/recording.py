"""What happens becomes notifications. All of it is idempotent, and raises `UnavailableError`.

Messages have no order, and come again. So what is told of is dated where it is owned; and whoever
has written something about a tweet or for a user asks once more whether they are there: either a
deletion comes after the write and finds it, or the question comes after the deletion.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from services.notification.erasure import Erasure
from services.notification.lag import NotificationLag
from services.notification.model import (
    Deed,
    GroupKey,
    Kind,
    Standing,
    TweetDeed,
    TweetFacts,
    TweetNews,
)
from services.notification.ports import Entries, Graph, Groups, Tweets, UserDirectory
from services.platform.erasure import require_gone
from services.platform.ids.snowflake_time import time_ms
from services.platform.runtime.clock import Clock
from services.platform.visibility.ports import Sights
from services.platform.visibility.rule import may_see

__all__ = ["MAX_MENTIONS", "Recording"]

MAX_MENTIONS: Final = 50
"""Users told that a tweet names them: the first so many. A tweet has room for 93 handles, which is
what spam is made of."""


_Pair: TypeAlias = tuple[int, int]
"""A reader, and who follows them or asks to."""
_Read: TypeAlias = Callable[[_Pair, Standing], Deed | None]
"""What a pair did, as the graph says; None for what is not told of, or never was."""


@dataclass(frozen=True, slots=True)
class Stores:
    """Where notifications are kept."""

    entries: Entries
    groups: Groups


class Recording:
    """The use cases that events call."""

    def __init__(  # noqa: PLR0913 - one argument per port
        self,
        stores: Stores,
        tweets: Tweets,
        users: UserDirectory,
        graph: Graph,
        erasure: Erasure,
        *,
        clock: Clock,
        lag: NotificationLag,
        sights: Sights,
    ) -> None:
        self._entries = stores.entries
        self._groups = stores.groups
        self._tweets = tweets
        self._users = users
        self._graph = graph
        self._erasure = erasure
        self._clock = clock
        self._lag = lag
        self._sights = sights

    async def engaged(self, deeds: Sequence[TweetDeed]) -> None:
        """Tell authors who likes and retweets their tweets, and take back what was taken back."""
        tweet_ids = list(dict.fromkeys(deed.tweet_id for deed in deeds))
        authors = {each.tweet_id: each.author_id for each in await self._tweets.facts(tweet_ids)}
        others = [
            Deed(
                GroupKey(authors[each.tweet_id], each.kind, each.tweet_id),
                each.actor_id,
                each.standing,
                # A message of a release that did not date it is as late as can be.
                each.at_ms or self._clock.now_ms(),
            )
            for each in deeds
            if authors.get(each.tweet_id, each.actor_id) != each.actor_id
        ]
        written = await self._apply(others)
        about = sorted({deed.key.tweet_id for deed in written})
        gone = await self._tweets.missing(about)
        await self._entries.forget({tweet_id: authors[tweet_id] for tweet_id in gone})

    async def followed(self, follows: Collection[tuple[int, int]]) -> None:
        """Tell users who follows them, as it is now, of these (follower, followee)."""
        await self._record({(user, other): None for other, user in follows}, [_follow])

    async def requested(self, requests: Collection[tuple[int, int]]) -> None:
        """Tell users who asks to follow them, as it is now, of these (requester, asked)."""
        await self._record({(user, other): None for other, user in requests}, [_request])

    async def related(self, changes: Collection[tuple[int, ...]]) -> None:
        """Take back follows and requests that ended with a block of two users, or an account.

        Each change has those who see others differently: both of a block, the one of a mute, or
        those to whom a deleted user stood in any relation, and that user.
        """
        user_ids = dict.fromkeys(one for change in changes for one in change)
        gone = frozenset(await self._users.missing(list(user_ids)))
        pairs = {pair: None for change in changes for pair in _perhaps_ended(change, gone)}
        await self._record(pairs, [_follow, _request], if_known=True)

    async def posted(self, tweet_ids: Sequence[int]) -> None:
        """Tell whom these tweets answer, quote and name."""
        news = await self._news(tweet_ids)
        if not news:
            return
        await self._entries.add(news)
        self._lag.told(time_ms(each.tweet_id) for each in news)
        authors = {each.tweet_id: each.author_id for each in news}
        gone = frozenset(await self._tweets.missing(sorted(authors)))
        written = [each for each in news if each.tweet_id in gone]
        await self._entries.forget({each: authors[each] for each in sorted(gone)}, written)
        await self._erasure.erase_missing({each.user_id for each in news})

    async def deleted(self, tweets: Mapping[int, int]) -> None:
        """Forget tweets, by their authors.

        Raises `FailedPreconditionError` (`STILL_THERE`) for a tweet that is there.
        """
        gone = frozenset(await self._tweets.missing(list(tweets)))
        for tweet_id in tweets:
            require_gone("tweet", tweet_id, lives=tweet_id not in gone)
        await self._entries.forget(tweets)

    async def _record(
        self, pairs: Collection[_Pair], reads: Sequence[_Read], *, if_known: bool = False
    ) -> None:
        """Record how these stand to each other by now."""
        standings = await self._graph.standings(pairs)
        deeds = [
            replace(deed, if_known=if_known)
            for pair, standing in standings.items()
            for read in reads
            if (deed := read(pair, standing)) is not None
        ]
        await self._groups.apply(deeds)
        self._lag.told(deed.at_ms for deed in deeds if deed.standing and not if_known)
        await self._erasure.erase_missing({deed.key.user_id for deed in deeds})

    async def _apply(self, deeds: Sequence[Deed]) -> list[Deed]:
        """Record deeds but those of actors whom the reader does not see; gives the others."""
        pairs = {(deed.key.user_id, deed.actor_id): None for deed in deeds if deed.standing}
        standings = await self._graph.standings(pairs)
        seen = [
            deed
            for deed in deeds
            if not deed.standing or not standings[deed.key.user_id, deed.actor_id].hidden
        ]
        await self._groups.apply(seen)
        self._lag.told(deed.at_ms for deed in seen if deed.standing)
        return seen

    async def _news(self, tweet_ids: Sequence[int]) -> list[TweetNews]:
        """Find out whom tweets answer, quote and name, of those who may see them and want to."""
        facts = await self._tweets.facts(tweet_ids)
        authors, named = await self._about(facts)
        news = [
            TweetNews(user_id, kind, each.tweet_id, each.author_id)
            for each in facts
            for user_id, kind in _readers(each, authors, named).items()
        ]
        sights = await self._sights.of_pairs({(each.user_id, each.author_id) for each in news})
        tweets = {each.tweet_id: each for each in facts}
        return [
            each
            for each in news
            if may_see(
                tweets[each.tweet_id], each.user_id, sight := sights[each.user_id, each.author_id]
            )
            and not sight.hidden
        ]

    async def _about(
        self, facts: Sequence[TweetFacts]
    ) -> tuple[Mapping[int, int], Mapping[str, int]]:
        """Look up (the authors of tweets that are answered or quoted, who has which handle)."""
        about = {one for each in facts for one in (each.in_reply_to_tweet_id, each.quote_tweet_id)}
        authors = {each.tweet_id: each.author_id for each in facts}
        others = await self._tweets.facts(sorted(about - authors.keys() - {0}))
        authors |= {each.tweet_id: each.author_id for each in others}
        handles = {handle: None for each in facts for handle in _mentions(each)}
        return authors, await self._users.by_handles(list(handles))


def _follow(pair: _Pair, standing: Standing) -> Deed | None:
    # Whoever let somebody follow need not be told.
    untold = standing.followed and (standing.hidden or standing.approved)
    if untold or not standing.follow_changed_ms:
        return None
    key = GroupKey(pair[0], Kind.FOLLOW)
    return Deed(key, pair[1], standing.followed, standing.follow_changed_ms)


def _request(pair: _Pair, standing: Standing) -> Deed | None:
    untold = standing.requested and standing.hidden
    if untold or not standing.request_changed_ms:
        return None
    key = GroupKey(pair[0], Kind.REQUEST)
    return Deed(key, pair[1], standing.requested, standing.request_changed_ms)


def _perhaps_ended(user_ids: Sequence[int], gone: AbstractSet[int]) -> Iterator[tuple[int, int]]:
    """Say of whom, as (user, follower), follows ended if these users see others differently."""
    deleted = [user_id for user_id in user_ids if user_id in gone]
    if deleted:
        yield from ((one, other) for one in user_ids if one not in gone for other in deleted)
    elif len(user_ids) == 2:  # noqa: PLR2004 - the two of a block
        one, other = user_ids
        yield from ((one, other), (other, one))


def _mentions(tweet: TweetFacts) -> list[str]:
    """Give the first handles that a tweet names, each once, without case."""
    first: dict[str, str] = {}
    for handle in tweet.mentions:
        first.setdefault(handle.lower(), handle)
    return list(first.values())[:MAX_MENTIONS]


def _readers(
    tweet: TweetFacts, authors: Mapping[int, int], named: Mapping[str, int]
) -> dict[int, Kind]:
    """Say who is told of a tweet, and as what: each user once, and never its author."""
    readers: dict[int, Kind] = {
        named[handle]: Kind.MENTION for handle in _mentions(tweet) if handle in named
    }
    # Whoever is quoted or answered is told of that, though they are named too.
    for about, kind in (
        (tweet.quote_tweet_id, Kind.QUOTE),
        (tweet.in_reply_to_tweet_id, Kind.REPLY),
    ):
        if about in authors:
            readers[authors[about]] = kind
    readers.pop(tweet.author_id, None)
    return readers
