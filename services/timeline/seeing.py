"""How the reader of a timeline stands to the authors of its tweets, and to what these say.

Of whom the reader follows their relations say it, which a home timeline has at hand. Others stand
there by retweets: of those it is asked whether they are protected, which this process keeps for as
long as it hears of each change. Of a reader who hides more users than relations have it is asked at
each read whether these are among them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from services.platform.errors import UnavailableError
from services.platform.muting.said import ReadSaid, muted_among
from services.platform.visibility.ports import Sights
from services.platform.visibility.rule import NOT_KNOWN, Sight
from services.timeline.model import EncodedTweet, View
from services.timeline.ports import Protection, Tweets

__all__ = ["Seeing"]

_STRANGERS: Final = {True: NOT_KNOWN, False: Sight()}


class Seeing:
    """Adds to views what the rule about who may see a tweet goes by."""

    def __init__(
        self, sights: Sights, protection: Protection, tweets: Tweets, read_said: ReadSaid
    ) -> None:
        """`tweets` are those that others quote."""
        self._sights = sights
        self._protection = protection
        self._tweets = tweets
        self._read_said = read_said

    async def home(self, tweets: Sequence[EncodedTweet], view: View) -> View:
        """Say it of the authors whom retweets bring; where nobody knows, they are not shown.

        Says also which tweets have words that the reader has muted.
        """
        if view.words:
            view = replace(view, muted=await self._muted(tweets, view))
        authors = _strangers(tweets, view)
        if not authors:
            return view
        if view.hides_others:
            return await self._by_name(authors, view)
        found = self._protection.kept(authors)
        if found is None:
            found = await self._protection.ask(authors)
        if found is None:
            sights = dict.fromkeys(authors, NOT_KNOWN)
        else:
            sights = {
                author: _STRANGERS[protected]
                for author, protected in zip(authors, found, strict=True)
            }
        return replace(view, sights=sights)

    async def _by_name(self, authors: Sequence[int], view: View) -> View:
        """Say it of strangers to a reader who hides very many, as of now."""
        found = await self._protection.ask_by_name(view.reader, authors)
        if found is None:
            return replace(view, sights=dict.fromkeys(authors, NOT_KNOWN))
        hidden = {author for author, sight in found.items() if sight.hidden}
        return replace(view, sights=found, hidden=view.hidden | hidden)

    async def _muted(self, tweets: Sequence[EncodedTweet], view: View) -> frozenset[int]:
        bodies = {tweet.tweet_id: tweet.body for tweet in tweets if tweet.body}
        return await muted_among(
            view.words, view.reader, bodies, self._quoted, read=self._read_said
        )

    async def _quoted(self, tweet_ids: Sequence[int]) -> dict[int, bytes]:
        try:
            found = await self._tweets.get_many(tweet_ids)
        except UnavailableError:
            # Nor are they shown then, or only if they say nothing that is muted.
            return {}
        return {tweet_id: tweet.body for tweet_id, tweet in found.items() if tweet.body}

    async def user(self, tweets: Iterable[EncodedTweet], view: View) -> View:
        """Say it of all authors, as of now; raises `UnavailableError` where nobody knows."""
        authors = {tweet.author_id for tweet in tweets if tweet.author_id} - {view.reader}
        if view.owner != view.reader:
            authors.add(view.owner)
        missing = authors - view.sights.keys()
        if not missing:
            return view
        found = await self._sights.of(view.reader, missing)
        return replace(view, sights={**view.sights, **found})


def _strangers(tweets: Iterable[EncodedTweet], view: View) -> list[int]:
    """Give the authors whom retweets bring, and of whom the reader's relations say nothing."""
    shown, owner, hidden = view.shown, view.owner, view.hidden
    return list(
        {
            tweet.author_id
            for tweet in tweets
            if tweet.retweet is not None
            # A tombstone is nobody's, and shows nothing.
            and not tweet.deleted
            and not (
                tweet.author_id in shown or tweet.author_id == owner or tweet.author_id in hidden
            )
        }
    )
