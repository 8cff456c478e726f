"""What a page of a conversation shows of what was found: pure functions, in the order of use."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from services.tweet.model import Branch, ConversationPage, Reply, ReplyThread, Tweet

__all__ = [
    "PAGE_BYTES",
    "all_replies",
    "by_shown_authors",
    "cut_page",
    "next_part",
    "read_threads",
    "tweet_bytes",
]

PAGE_BYTES: Final = 2_800_000
"""Of the tweets of one page: an edge passes answers of up to 4 MB on, and so do channels. Only
texts of many of the longest URLs come to as much."""
ANCESTOR_BYTES: Final = 1_000_000
"""Of those above."""
TWEET_BYTES: Final = 200
"""What a tweet has besides its text and entities, at most."""
ENTITY_BYTES: Final = 30
"""What an entity has besides what is written there, at most."""
PICTURE_BYTES: Final = 120
"""What a picture has besides its alt text, at most."""
READ_TOGETHER: Final = 200
"""Replies whose tweets are read at once, as many as a page of a timeline has: 30 MB if all of them
are of the longest URLs."""


def all_replies(branches: Iterable[Branch]) -> Iterator[Reply]:
    """Walk through all levels."""
    for branch in branches:
        yield branch.reply
        yield from all_replies(branch.branches)


def next_part(branches: Sequence[Branch], start: int) -> tuple[list[int], int]:
    """(the tweets of some of the branches from `start` on, where the rest starts)."""
    ids: list[int] = []
    for place in range(start, len(branches)):
        own = [each.tweet_id for each in all_replies([branches[place]])]
        if ids and len(ids) + len(own) > READ_TOGETHER:
            return ids, place
        ids += own
    return ids, len(branches)


def by_shown_authors(branches: Iterable[Branch], hidden: frozenset[int]) -> tuple[Branch, ...]:
    """Leave out replies of hidden authors, and what is under them."""
    return tuple(
        Branch(branch.reply, by_shown_authors(branch.branches, hidden), branch.has_more)
        for branch in branches
        if branch.reply.user_id not in hidden
    )


def read_threads(
    branches: Iterable[Branch], tweets: Mapping[int, Tweet]
) -> tuple[ReplyThread, ...]:
    """Put tweets in; replies that were deleted meanwhile are left out, and what is under them."""
    return tuple(
        ReplyThread(tweet, read_threads(branch.branches, tweets), branch.has_more)
        for branch in branches
        if (tweet := tweets.get(branch.reply.tweet_id)) is not None
    )


def cut_page(page: ConversationPage) -> ConversationPage:
    """Keep of a page what fits into an answer; the tweet, and a reply if there is any, do."""
    ancestors = tuple(reversed(_fitting(reversed(page.ancestors), ANCESTOR_BYTES)))
    left = PAGE_BYTES - tweet_bytes(page.tweet) - sum(map(tweet_bytes, ancestors))
    kept: list[ReplyThread] = []
    for thread in page.threads:
        size = _thread_bytes(thread)
        if size > left and not kept:
            # Alone it is shown without those under it.
            kept.append(ReplyThread(thread.tweet, has_more=thread.has_more or bool(thread.replies)))
            break
        if size > left:
            break
        kept.append(thread)
        left -= size
    whole = len(kept) == len(page.threads)
    resume = page.resume_before if whole else kept[-1].tweet.tweet_id
    return ConversationPage(page.tweet, ancestors, tuple(kept), resume)


def _fitting(tweets: Iterable[Tweet], left: int) -> list[Tweet]:
    kept: list[Tweet] = []
    for tweet in tweets:
        left -= tweet_bytes(tweet)
        if left < 0:
            break
        kept.append(tweet)
    return kept


def _thread_bytes(thread: ReplyThread) -> int:
    return tweet_bytes(thread.tweet) + sum(map(_thread_bytes, thread.replies))


def tweet_bytes(tweet: Tweet) -> int:
    """Tell how long an encoded tweet is, about."""
    found = tweet.entities
    written: Sequence[str] = [
        *(each.url for each in found.urls),
        *(each.tag for each in found.hashtags),
        *(each.tag for each in found.cashtags),
        *(each.username for each in found.mentions),
    ]
    entities = sum(len(each.encode()) + ENTITY_BYTES for each in written)
    pictures = sum(len(each.alt_text.encode()) + PICTURE_BYTES for each in tweet.media_refs)
    return TWEET_BYTES + len(tweet.text.encode()) + entities + pictures
