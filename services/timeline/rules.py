"""Rules: which of the hydrated tweets a timeline shows. The third of the four steps of a read.

A rule is a pure function of all tweets of a round and the view, and returns those that it lets by,
in their order. It takes the whole round, not one tweet, so that a rule costs one call a read.
"""

from collections.abc import Callable, Iterable
from typing import Final

from services.platform.visibility.rule import NOT_KNOWN, Sight, Visibility, may_see
from services.timeline.model import EncodedTweet, View

__all__ = [
    "RULES",
    "Rule",
    "apply_rules",
    "by_shown_users",
    "shows_anything",
    "without_deleted",
    "without_hidden_authors",
    "without_muted_words",
    "without_replies_to_others",
    "without_retweets_of_shown",
    "without_unseen",
]

Rule = Callable[[list[EncodedTweet], View], list[EncodedTweet]]


def without_deleted(tweets: list[EncodedTweet], _view: View) -> list[EncodedTweet]:
    """Leave out tombstones: a list may name a deleted tweet for as long as the list lives."""
    return [tweet for tweet in tweets if not tweet.deleted]


def by_shown_users(tweets: list[EncodedTweet], view: View) -> list[EncodedTweet]:
    """Leave out what was brought by users not followed (any more), muted or blocked.

    The owner stays. An author brings a tweet, or who retweeted it. It asks who is shown, not who is
    hidden: so an unfollow has nothing to delete, and what a list holds that it should not is never
    seen.
    """
    owner, shown = view.owner, view.shown
    return [
        tweet
        for tweet in tweets
        if (user := tweet.author_id if tweet.retweet is None else tweet.retweet.user_id) in shown
        or user == owner
    ]


def without_hidden_authors(tweets: list[EncodedTweet], view: View) -> list[EncodedTweet]:
    """Leave out muted and blocked authors whom somebody else retweets."""
    hidden = view.hidden
    return [tweet for tweet in tweets if tweet.author_id not in hidden] if hidden else tweets


def without_muted_words(tweets: list[EncodedTweet], view: View) -> list[EncodedTweet]:
    """Leave out tweets that say what the reader has muted, whoever brings them."""
    muted = view.muted
    return [tweet for tweet in tweets if tweet.tweet_id not in muted] if muted else tweets


def without_replies_to_others(tweets: list[EncodedTweet], view: View) -> list[EncodedTweet]:
    """Leave out replies to users who are not shown: a conversation is for who follows both sides.

    Authors who answer themselves go on with a thread. A reply that was retweeted is there for what
    it says.
    """
    return [
        tweet
        for tweet in tweets
        if not tweet.answered_id or tweet.retweet is not None or _concerns(tweet, view)
    ]


def without_retweets_of_shown(tweets: list[EncodedTweet], view: View) -> list[EncodedTweet]:
    """Leave out retweets of tweets that stand at their own place further down.

    That is where a tweet stands whose author brings it, however many others retweet it: so it is
    there once, and no retweet moves it. An author's retweet of an own tweet brings nothing.
    """
    owner, shown = view.owner, view.shown
    return [
        tweet
        for tweet in tweets
        if tweet.retweet is None
        or not (
            tweet.author_id == tweet.retweet.user_id
            or ((tweet.author_id in shown or tweet.author_id == owner) and _concerns(tweet, view))
        )
    ]


def without_unseen(tweets: list[EncodedTweet], view: View) -> list[EncodedTweet]:
    """Leave out tweets that the reader may not see, by the one rule of all reads."""
    reader, sights, shown = view.reader, view.sights, view.shown
    return [
        tweet
        for tweet in tweets
        # Nearly all of a home timeline: no call for each.
        if (not tweet.visibility and tweet.author_id in shown)
        or may_see(tweet, reader, sights.get(tweet.author_id) or _by_view(tweet, view))
    ]


def shows_anything(view: View) -> bool:
    """Whether the reader of a user's timeline may see any of it."""
    own = EncodedTweet(0, view.owner, deleted=False, visibility=Visibility.PUBLIC, body=b"")
    return may_see(own, view.reader, view.sights.get(view.owner, NOT_KNOWN))


RULES: tuple[Rule, ...] = (
    without_deleted,  # first: a tombstone has no author or visibility that others could go by
    by_shown_users,  # before any rule about a tweet itself: of strangers nothing else matters
    without_unseen,  # before what is said of tweets: of one that is not for the reader nothing is
    without_hidden_authors,  # of what strangers wrote, and those who are shown retweeted
    without_muted_words,  # as without their authors
    without_replies_to_others,
    without_retweets_of_shown,
)
"""Those of every timeline, in the order in which they are applied."""


def _by_view(tweet: EncodedTweet, view: View) -> Sight:
    """Say how the reader stands to an author of whom nothing was asked."""
    if tweet.author_id in view.shown:
        return _FOLLOWED
    return _HIDDEN if tweet.author_id in view.hidden else _STRANGER


_FOLLOWED: Final = Sight(following=True)
_HIDDEN: Final = Sight(blocked_by=True)
_STRANGER: Final = Sight()


def _concerns(tweet: EncodedTweet, view: View) -> bool:
    """Whether a tweet of somebody shown is for the owner: no reply, or one to somebody shown."""
    answered = tweet.answered_id
    return (
        not answered
        or answered in view.shown
        or tweet.author_id in (view.owner, answered)
        or answered == view.owner
    )


def apply_rules(
    rules: Iterable[Rule], tweets: list[EncodedTweet], view: View
) -> list[EncodedTweet]:
    """Return the tweets that every rule lets by."""
    for rule in rules:
        tweets = rule(tweets, view)
    return tweets
