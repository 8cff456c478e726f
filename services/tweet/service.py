"""The tweet service: posts, their deletion, and each author's list."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from services.platform.errors import InvalidArgumentError
from services.platform.ids.arguments import check_id, check_ids, check_optional_id
from services.platform.ids.request_ids import reused, validate_request_id
from services.platform.ids.snowflake_time import time_ms
from services.platform.runtime.clock import Clock
from services.platform.visibility.ports import Sights
from services.tweet.audience import audience_of
from services.tweet.content import read_content
from services.tweet.creating import (
    answered_user,
    check_media_ids,
    fingerprint_of,
    read_visibility,
)
from services.tweet.deletion import Deletion, best_effort, check_author
from services.tweet.lineage import lineage_below
from services.tweet.model import (
    NO_LINEAGE,
    AuthorTweets,
    Delivery,
    Lineage,
    MediaRef,
    RequestClaim,
    Tweet,
)
from services.tweet.ports import (
    Handles,
    IdSource,
    Media,
    OwnTimeline,
    TweetEvents,
    TweetStore,
    UserDirectory,
)
from services.tweet.seeing import Seeing, no_author, no_tweet, referenced

__all__ = [
    "MAX_AUTHORS_PER_LIST",
    "MAX_IDS_PER_AUTHOR",
    "MAX_LOOKUP_IDS",
    "TweetService",
]

MAX_LOOKUP_IDS = 1000
"""More than a page of any timeline needs; answers stay near 1 MB."""

MAX_AUTHORS_PER_LIST = 1000
"""As many as one reader merges at once."""

MAX_IDS_PER_AUTHOR = 1000
"""More than a hot list holds."""

IDS_PER_READ = 20_000
"""Ids that one read of the store may give: some tens of milliseconds, which others wait for."""
READS_AT_ONCE = 4
"""Such reads of one call under way at once, so that one call cannot take every reader."""


class TweetService:
    """The use cases of the tweet service.

    Every method raises `InvalidArgumentError` with the proto name of a bad field before anything
    else happens, and `UnavailableError` when a store or sibling cannot answer.
    """

    def __init__(  # noqa: PLR0913 - one argument per port
        self,
        *,
        store: TweetStore,
        users: UserDirectory,
        media: Media,
        ids: IdSource,
        own_timeline: OwnTimeline,
        events: TweetEvents,
        clock: Clock,
        sights: Sights,
        handles: Handles,
    ) -> None:
        self._seeing = Seeing(sights)
        self._handles = handles
        self._store = store
        self._users = users
        self._media = media
        self._ids = ids
        self._own_timeline = own_timeline
        self._events = events
        self._deletion = Deletion(store, own_timeline, events, clock)

    async def create(  # noqa: PLR0913 - what a tweet may have
        self,
        user_id: int,
        text: str,
        *,
        in_reply_to: int = 0,
        quote: int = 0,
        request_id: str = "",
        language: str = "",
        media_ids: Sequence[int] = (),
        visibility: str = "",
    ) -> Tweet:
        """Make a tweet; on return it is durable and will be delivered at least once.

        Its language is detected if `language` (BCP 47) is empty; `text` may be so where there are
        pictures.

        A repeat with the same `request_id` (empty: none) and content gives the first answer, even
        after the tweet was deleted, which it stays; its pictures are gone then. Raises
        `NotFoundError` for the author, a tweet answered or quoted (also one that the author may not
        see), or a picture,
        `FailedPreconditionError` for a picture that is not ready or another tweet's, and
        `AlreadyExistsError` if `request_id` was used for other content.
        """
        check_id("user_id", user_id)
        check_media_ids(media_ids)
        seen_by = read_visibility(visibility)
        said = await read_content(text, language, may_be_empty=bool(media_ids))
        check_optional_id("in_reply_to_tweet_id", in_reply_to)
        check_optional_id("quote_tweet_id", quote)
        validate_request_id(request_id)

        asked = (said, in_reply_to, quote, media_ids, seen_by)
        content = fingerprint_of(*asked) if request_id else ""
        claim = await self._store.find_claim(user_id, request_id) if request_id else None
        repeated = claim is not None
        if claim is None:
            # A claim is made after these checks were passed, so a repeat skips them: it gives the
            # first answer even if the tweet answered was deleted in between.
            await self._check_author_exists(user_id)
            found = await referenced(self._store, self._seeing, user_id, in_reply_to, quote)
            lineage = lineage_below(found[in_reply_to]) if in_reply_to else NO_LINEAGE
            claim, repeated = await self._claim(user_id, request_id, content, lineage)
        elif in_reply_to:
            found = await self._store.get_many([claim.tweet_id, in_reply_to])
        else:
            found = {}
        if claim.fingerprint != content:
            raise reused(request_id)
        tweet = Tweet(
            tweet_id=claim.tweet_id,
            user_id=user_id,
            text=said.text,
            created_at_ms=time_ms(claim.tweet_id),
            in_reply_to_tweet_id=in_reply_to,
            quote_tweet_id=quote,
            entities=said.entities,
            language=said.language,
            in_reply_to_user_id=answered_user(found, claim.tweet_id, in_reply_to),
            lineage=claim.lineage,
            visibility=seen_by,
            audience=await audience_of(self._handles, said.entities, seen_by),
        )
        was_created = repeated and await self._store.was_created(tweet.tweet_id)
        if media_ids:
            refs = await self._carried(tweet, media_ids, was_created=was_created)
            tweet = replace(tweet, media_refs=refs)
        if not was_created:
            await self._commit(tweet, repeated=repeated)
        # Also for a repeat of what was made: the first try may have died just before this.
        await self._show(tweet)
        return tweet

    async def get(self, tweet_id: int, reader: int) -> Tweet:
        """Read a tweet; `NotFoundError` if there is none for the reader (0: nobody special)."""
        check_id("tweet_id", tweet_id)
        tweet = (await self._store.get_many([tweet_id], hidden=True)).get(tweet_id)
        withheld = tweet is not None and tweet.is_hidden and tweet.user_id != reader
        if tweet is None or withheld or not await self._seeing.seen(reader, [tweet]):
            raise no_tweet("tweet_id", tweet_id)
        return tweet

    async def get_many(self, tweet_ids: Sequence[int], reader: int) -> list[Tweet]:
        """Read those of 1 to `MAX_LOOKUP_IDS` tweets that there are for the reader."""
        found, _ = await self.lookup(tweet_ids)
        seen = await self._seeing.seen(reader, found)
        return [tweet for tweet in found if tweet.tweet_id in seen]

    async def delete(self, tweet_id: int, *, user_id: int = 0, request_id: str = "") -> None:
        """Delete a tweet for good; `NotFoundError` if there is none or it was deleted before.

        Raises `PermissionDeniedError` when `user_id` (0: not said) is not the author. A repeat with
        the same `request_id` (empty: none) succeeds, and changes nothing.
        """
        check_id("tweet_id", tweet_id)
        check_optional_id("user_id", user_id)
        validate_request_id(request_id)
        tweet = (await self._store.get_many([tweet_id], hidden=True)).get(tweet_id)
        if tweet is None:
            if request_id and await self._is_repeat(tweet_id, user_id, request_id):
                return
            raise no_tweet("tweet_id", tweet_id)
        check_author(tweet, user_id)
        if request_id:
            await self._store.claim_deletion(tweet, request_id)
        await self._deletion.delete(tweet)

    async def _is_repeat(self, tweet_id: int, user_id: int, request_id: str) -> bool:
        """Whether this request deleted the tweet; to anybody but its author it is as any other."""
        author = await self._store.deletion_of(tweet_id, request_id)
        return author is not None and user_id in (0, author)

    async def lookup(self, tweet_ids: Sequence[int]) -> tuple[list[Tweet], list[int]]:
        """(tweets, ids that name none or a deleted one), each in the order asked for, once each.

        One in quarantine, or whose row cannot be read, is in neither: it is not gone. Takes 1 to
        `MAX_LOOKUP_IDS` ids.
        """
        check_ids("tweet_ids", tweet_ids, most=MAX_LOOKUP_IDS)
        wanted = list(dict.fromkeys(tweet_ids))
        found, unreadable = await self._store.read_many(wanted)
        return (
            [found[tweet_id] for tweet_id in wanted if tweet_id in found],
            [each for each in wanted if each not in found and each not in unreadable],
        )

    async def list_by_authors(
        self, user_ids: Sequence[int], *, before: int = 0, limit: int
    ) -> list[AuthorTweets]:
        """List the newest ids of 1 to `MAX_AUTHORS_PER_LIST` authors, in the order asked for.

        Only ids below `before` (0: no bound), 1 to `MAX_IDS_PER_AUTHOR` of each author; fewer than
        `limit` means that the author has no more.
        """
        check_ids("user_ids", user_ids, most=MAX_AUTHORS_PER_LIST)
        check_optional_id("before_tweet_id", before)
        if not 1 <= limit <= MAX_IDS_PER_AUTHOR:
            raise InvalidArgumentError("limit", f"must be 1 to {MAX_IDS_PER_AUTHOR}, is {limit}")
        gate = asyncio.Semaphore(READS_AT_ONCE)
        size = max(1, IDS_PER_READ // limit)

        async def read(authors: Sequence[int]) -> dict[int, list[int]]:
            async with gate:
                return await self._store.list_by_authors(authors, before or None, limit)

        pages = [user_ids[start : start + size] for start in range(0, len(user_ids), size)]
        found: dict[int, list[int]] = {}
        for lists in await asyncio.gather(*map(read, pages)):
            found |= lists
        return [AuthorTweets(user_id, tuple(found[user_id])) for user_id in user_ids]

    async def decide_delivery(self, tweet_id: int, delivery: Delivery) -> Delivery:
        """Remember how a tweet is delivered; returns the first decision ever made, which stays.

        Raises `NotFoundError` if there is no such tweet or it was deleted.
        """
        check_id("tweet_id", tweet_id)
        if delivery is Delivery.UNSPECIFIED:
            raise InvalidArgumentError("delivery", "must be push or pull")
        decided = await self._store.decide_delivery(tweet_id, delivery)
        if decided is None:
            raise no_tweet("tweet_id", tweet_id)
        return decided

    async def _claim(
        self, user_id: int, request_id: str, content: str, lineage: Lineage
    ) -> tuple[RequestClaim, bool]:
        """(the claim that holds, whether another request made it); one of its own without an id."""
        own = RequestClaim(await self._ids.next_id(), content, lineage)
        if not request_id:
            return own, False
        claim = await self._store.claim(user_id, request_id, own)
        return claim, claim.tweet_id != own.tweet_id

    async def _carried(
        self, tweet: Tweet, media_ids: Sequence[int], *, was_created: bool
    ) -> tuple[MediaRef, ...]:
        """Give the pictures of a tweet, bound to it before it is there.

        So none is another's by then; those of a tweet that never comes to be are collected.
        """
        if not was_created:
            return await self._media.attach(tweet.user_id, tweet.tweet_id, media_ids)
        kept = (await self._store.get_many([tweet.tweet_id], hidden=True)).get(tweet.tweet_id)
        return () if kept is None else kept.media_refs

    async def _commit(self, tweet: Tweet, *, repeated: bool) -> None:
        """Make the tweet durable, with its event.

        Also for a repeat whose first try is still under way or crashed: committing twice is
        harmless, an answer without a durable tweet is not.
        """
        if repeated:
            # It comes to be only now, so it must not be the tweet of somebody deleted meanwhile.
            await self._check_author_exists(tweet.user_id)
        await self._store.create(tweet, self._events.created(tweet))

    async def _show(self, tweet: Tweet) -> None:
        """Let authors see their own tweet at once."""
        posted = self._own_timeline.posted(tweet.user_id, tweet.tweet_id)
        await best_effort("posted", tweet.tweet_id, posted)

    async def _check_author_exists(self, user_id: int) -> None:
        if await self._users.missing([user_id]):
            raise no_author(user_id)
