"""What hiding tweets, and looking at what they say, need from the outside."""

from typing import NamedTuple, Protocol

from services.tweet.model import Quarantine, RecentTweets, Rescan, Tweet

__all__ = ["PublishedAs", "Quarantines", "ReadersCopies", "Scanner", "Scans"]


class PublishedAs(NamedTuple):
    """A message to be published with a change."""

    entry_id: int
    """No other message has it."""
    event: bytes


class Quarantines(Protocol):
    """What is hidden of the tweets. Every method raises `UnavailableError`."""

    async def hide(self, tweet: Tweet, why: Quarantine, dated_ms: int, event: PublishedAs) -> None:
        """Hide a tweet, list it, and publish that it changed. Idempotent.

        It changes nothing where something of a later date was decided, in Unix milliseconds.
        """
        ...

    async def clear(self, tweet: Tweet, why: Quarantine, event: PublishedAs) -> None:
        """Show a tweet again, as of `why.at_ms`, and publish that it changed. Idempotent."""
        ...

    async def listed(self, after: int, limit: int) -> list[int]:
        """Give ids > `after` of what is quarantined, by rising id; some may be so no more."""
        ...


class Scans(Protocol):
    """Looking at recent tweets once more. Every method raises `UnavailableError`."""

    async def recent(self, shard: int, after: int, limit: int) -> RecentTweets:
        """Read tweets of a shard with ids > `after`, what is hidden too; looks at `limit` rows."""
        ...

    async def progress(self) -> Rescan | None:
        """Read how far the last look has come; None before the first."""
        ...

    async def advance(self, known: Rescan | None, to: Rescan) -> bool:
        """Note how far it is now; false where that is not `known` any more. Atomic."""
        ...


class Scanner(Protocol):
    """Looks at what tweets say."""

    @property
    def version(self) -> str:
        """Say by what it goes: another version may find what this one did not."""
        ...

    async def scan(self, tweet: Tweet) -> str | None:
        """Say what was found, for operators; None for nothing. `UnavailableError`: ask again."""
        ...


class ReadersCopies(Protocol):
    """What readers keep of tweets. Idempotent; raises `UnavailableError`."""

    async def hide(self, tweet_id: int) -> None:
        """Have no reader shown what was kept."""
        ...

    async def show(self, tweet_id: int) -> None:
        """Have it read anew, within seconds."""
        ...
