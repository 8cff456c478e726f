"""Rules: which of the hydrated tweets a timeline shows. The third of the four steps of a read.

A rule is a pure function of all tweets of a round and the view, and returns those that it lets by,
in their order. It takes the whole round, not one tweet, so that a rule costs one call a read.
"""

from collections.abc import Callable, Iterable

from services.timeline.model import EncodedTweet, View

__all__ = ["RULES", "Rule", "apply_rules", "by_shown_authors", "without_deleted"]

Rule = Callable[[list[EncodedTweet], View], list[EncodedTweet]]


def without_deleted(tweets: list[EncodedTweet], _view: View) -> list[EncodedTweet]:
    """Leave out tombstones: a list may name a deleted tweet for as long as the list lives."""
    return [tweet for tweet in tweets if not tweet.deleted]


def by_shown_authors(tweets: list[EncodedTweet], view: View) -> list[EncodedTweet]:
    """Leave out authors who are not followed (any more), muted or blocked; the owner stays.

    It asks who is shown, not who is hidden: so an unfollow has nothing to delete, and what a list
    holds that it should not is never seen.
    """
    owner, shown = view.owner, view.shown
    return [tweet for tweet in tweets if tweet.author_id in shown or tweet.author_id == owner]


RULES: tuple[Rule, ...] = (
    without_deleted,  # first: a tombstone has no author or visibility that others could go by
    by_shown_authors,  # before any rule about a tweet itself: of strangers nothing else matters
)
"""Those of every timeline, in the order in which they are applied."""


def apply_rules(
    rules: Iterable[Rule], tweets: list[EncodedTweet], view: View
) -> list[EncodedTweet]:
    """Return the tweets that every rule lets by."""
    for rule in rules:
        tweets = rule(tweets, view)
    return tweets
