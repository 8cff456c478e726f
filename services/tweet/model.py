"""Tweets as the service knows them."""

from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from services.platform.text.entities import NO_ENTITIES, Entities
from services.platform.visibility.rule import Visibility

__all__ = [
    "NO_LINEAGE",
    "AuthorTweets",
    "Branch",
    "ConversationPage",
    "Delivery",
    "Lineage",
    "MediaRef",
    "Quarantine",
    "RecentTweets",
    "RepliesPosition",
    "Reply",
    "ReplySlice",
    "ReplyThread",
    "RequestClaim",
    "Rescan",
    "Retweet",
    "RetweetClaim",
    "RetweetPair",
    "Tweet",
    "TweetSlice",
]


class Delivery(Enum):
    """How a tweet reaches home timelines."""

    UNSPECIFIED = "unspecified"
    """Not decided yet."""
    PUSH = "push"
    """Written to each follower's timeline when posted."""
    PULL = "pull"
    """Merged from the author's list when a follower reads."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a reply is in its conversation."""

    conversation_id: int = 0
    """The tweet that began it; 0 where that is not known."""
    ancestor_ids: tuple[int, ...] = ()
    """The nearest of those above it, the one answered last; none where they were not kept."""


NO_LINEAGE = Lineage()


@dataclass(frozen=True, slots=True)
class MediaRef:
    """A picture that a tweet carries."""

    media_id: int
    content_type: str
    width: int
    """Pixels, as shown."""
    height: int
    blurhash: str
    alt_text: str
    """Empty where none was given."""


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Why a tweet was hidden, and since when; or that people looked, and show it."""

    reason: str
    at_ms: int
    """Unix milliseconds."""
    cleared: bool = False
    """Whether an operator has it shown again: scanners leave it alone then."""


@dataclass(frozen=True, slots=True)
class AuthorTotal:
    """How many tweets and retweets an author has, last counted whole at `listed_ms` (Unix)."""

    count: int
    end: int
    unkept: int
    """Places in the list from the id `end` on, which each reader looks at."""
    listed_ms: int


@dataclass(frozen=True, slots=True)
class Tweet:
    """A post."""

    tweet_id: int
    user_id: int
    """The author."""
    text: str
    created_at_ms: int
    """Unix milliseconds; the time within `tweet_id`."""
    in_reply_to_tweet_id: int
    """0 when it answers none."""
    quote_tweet_id: int
    """0 when it quotes none."""
    entities: Entities = NO_ENTITIES
    """What the text refers to."""
    language: str = ""
    """BCP 47; empty when the author gave none, and none was detected."""
    in_reply_to_user_id: int = 0
    """The author of the tweet answered; 0 when it answers none, or is older than this field."""
    media_refs: tuple[MediaRef, ...] = ()
    """At most four pictures, in the author's order."""
    lineage: Lineage = NO_LINEAGE
    """Of a reply, where it was kept."""
    quarantine: Quarantine | None = None
    """What scanners and operators decided; None where nobody did."""
    visibility: Visibility = Visibility.PUBLIC
    audience: tuple[int, ...] = ()
    """Whom it mentions, of one that is for those."""

    @property
    def is_hidden(self) -> bool:
        """Whether nobody is shown it but its author."""
        return self.quarantine is not None and not self.quarantine.cleared

    @property
    def author_id(self) -> int:
        """Whose it is."""
        return self.user_id

    @property
    def conversation_id(self) -> int:
        """The tweet that began its conversation, itself if it answers none; 0: not known."""
        return self.lineage.conversation_id if self.in_reply_to_tweet_id else self.tweet_id


class RetweetPair(NamedTuple):
    """Whose retweet of which tweet: there is one at most."""

    user_id: int
    tweet_id: int


@dataclass(frozen=True, slots=True)
class RetweetClaim:
    """Which retweet is the one of a pair, as far as that has come."""

    retweet_id: int
    repeats: int = 0
    """How often it was asked for again: who read the claim before that cannot change it."""
    going: bool = False
    """Whether it is being taken back; then it never stands again."""

    def again(self) -> "RetweetClaim":
        """Make what it is once it was asked for again."""
        return replace(self, repeats=self.repeats + 1)

    def gone(self) -> "RetweetClaim":
        """Make what it is while the retweet is being taken back."""
        return replace(self, going=True)


@dataclass(frozen=True, slots=True)
class Retweet:
    """A retweet: an entry of timelines, with an id of its own among those of tweets."""

    retweet_id: int
    user_id: int
    """Who retweeted."""
    tweet_id: int
    author_id: int
    """The author of the tweet."""

    @property
    def pair(self) -> RetweetPair:
        """Whose it is, and of what."""
        return RetweetPair(self.user_id, self.tweet_id)


@dataclass(frozen=True, slots=True)
class AuthorTweets:
    """One author's ids, newest first."""

    user_id: int
    tweet_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RequestClaim:
    """What a `request_id` stands for: the tweet it makes, and of which content."""

    tweet_id: int
    fingerprint: str
    """A digest of the content: only a request with the same one is a repeat."""
    lineage: Lineage = NO_LINEAGE
    """What was found when it was made: a repeat says the same, whatever is deleted by then."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply as it is listed."""

    tweet_id: int
    user_id: int
    """The author."""


@dataclass(frozen=True, slots=True)
class RepliesPosition:
    """Where in the list of a tweet's replies to read."""

    tweet_id: int
    before: int | None = None
    """Only replies with smaller ids; None for all."""


@dataclass(frozen=True, slots=True)
class ReplySlice:
    """Some replies to a tweet, newest first."""

    replies: tuple[Reply, ...]
    """May be fewer than were looked at, where some are deleted."""
    resume_before: int | None
    """The last id looked at; None where nothing follows."""


@dataclass(frozen=True, slots=True)
class TweetSlice:
    """Some of all tweets, in the order in which the store keeps them."""

    tweets: tuple[Tweet, ...]
    """May be empty where all that was read is deleted."""
    resume_after: int | None
    """The last id read; None where nothing follows."""
    percent: int
    """About how much of all tweets comes before the next slice, 0 to 100."""


@dataclass(frozen=True, slots=True)
class RecentTweets:
    """Some of the tweets of one shard, by rising id."""

    tweets: tuple[Tweet, ...]
    """May be empty where all that was read is deleted."""
    resume_after: int | None
    """The last id read; None where no more follow in this shard."""


@dataclass(frozen=True, slots=True)
class Rescan:
    """How far recent tweets were looked at with one list, by whichever process."""

    version: str
    """Of the list."""
    began_ms: int
    """Unix milliseconds."""
    since_ms: int
    """How old tweets may be, Unix milliseconds."""
    shard: int = 0
    """Which is next; the number of shards where all were looked at."""
    after: int = 0
    """The id behind which to go on in it; 0 for its beginning."""
    again: bool = False
    """Whether this is the second look, at what was posted while some went by another list."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A reply as it is listed, with some of the replies under it, newest first."""

    reply: Reply
    branches: tuple["Branch", ...] = ()
    has_more: bool = False
    """Whether more replies than `branches` are listed under it, deleted ones perhaps among them."""


@dataclass(frozen=True, slots=True)
class ReplyThread:
    """A reply as it is read, with some of the replies under it, newest first."""

    tweet: Tweet
    replies: tuple["ReplyThread", ...] = ()
    has_more: bool = False
    """Whether more replies than `replies` are listed under it, perhaps deleted or hidden ones."""


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """A tweet, what it answers, and a page of its replies."""

    tweet: Tweet
    ancestors: tuple[Tweet, ...]
    """The one answered last."""
    threads: tuple[ReplyThread, ...]
    """Newest first."""
    resume_before: int | None
    """The id that the next page's replies are below; None at the end."""
