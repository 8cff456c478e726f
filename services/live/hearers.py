"""What is announced to all processes, passed on to the streams of this one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

__all__ = ["Hearing", "PairHearer", "TweetHearer"]


@dataclass(slots=True)
class Hearing:
    """Whether everything is heard; where it was not for a while, streams look at everything."""

    missed: Callable[[], None] = lambda: None
    deaf: set[str] = field(default_factory=set)

    def heard_all(self) -> bool:
        """Whether every channel is heard."""
        return not self.deaf

    def opened(self, channel: str) -> None:
        """Note that a channel is heard from now on."""
        self.deaf.discard(channel)
        self.missed()

    def closed(self, channel: str) -> None:
        """Note that it is not."""
        self.deaf.add(channel)


class _Channel:
    """One channel; says when it is heard, and when it is not."""

    def __init__(self, channel: str, hearing: Hearing) -> None:
        self._channel = channel
        self._hearing = hearing

    def open(self) -> None:
        """Hear everything from now on."""
        self._hearing.opened(self._channel)

    def close(self) -> None:
        """Hear no more."""
        self._hearing.closed(self._channel)


class TweetHearer(_Channel):
    """Hears tweets, one by one; a `Hearer`."""

    def __init__(self, channel: str, hearing: Hearing, gone: Callable[[int], None]) -> None:
        super().__init__(channel, hearing)
        self.gone = gone


class PairHearer(_Channel):
    """Hears pairs of a user and an entry; a `ListHearer`."""

    def __init__(
        self,
        channel: str,
        hearing: Hearing,
        take: Callable[[Sequence[tuple[int, int]]], None],
    ) -> None:
        super().__init__(channel, hearing)
        self._take = take

    def heard(self, ids: Sequence[int]) -> None:
        """Take the pairs of one message."""
        self._take(list(zip(ids[::2], ids[1::2], strict=False)))
