"""Which tweets say what their reader has muted."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.platform.muting.words import MutedWords

__all__ = ["Look", "ReadSaid", "Said", "muted_among"]


@dataclass(frozen=True, slots=True)
class Said:
    """What a tweet says."""

    author_id: int
    text: str
    """As `folded` gives it."""
    quoted_id: int
    """The tweet that is shown with it; 0 for none."""


ReadSaid = Callable[[bytes], Said]
"""Reads what an encoded tweet says."""
Look = Callable[[Sequence[int]], Awaitable[Mapping[int, bytes]]]
"""Gives encoded tweets by id, without those that are gone; may leave out what is not at hand."""


async def muted_among(
    words: MutedWords, reader: int, bodies: Mapping[int, bytes], look: Look, *, read: ReadSaid
) -> frozenset[int]:
    """Say which of some encoded tweets, by any key, say what their reader has muted.

    Also those do that quote one; never do the reader's own. Makes one look, for what is quoted, and
    only where words are muted.
    """
    if not words or not bodies:
        return frozenset()
    said = {key: one for key, body in bodies.items() if (one := read(body)).author_id != reader}
    muted = {key for key, one in said.items() if words.hide(one.text)}
    quoting = {key: one.quoted_id for key, one in said.items() if one.quoted_id}
    wanted = sorted({quoted for key, quoted in quoting.items() if key not in muted})
    if wanted:
        found = {one: read(body) for one, body in (await look(wanted)).items()}
        hidden = frozenset(_hidden(words, reader, found))
        muted |= {key for key, quoted in quoting.items() if quoted in hidden}
    return frozenset(muted)


def _hidden(words: MutedWords, reader: int, found: Mapping[int, Said]) -> Iterable[int]:
    for tweet_id, said in found.items():
        if said.author_id != reader and words.hide(said.text):
            yield tweet_id
