"""Which texts say nearly the same: MinHash over pieces of the text, cut into bands.

Two texts of which a share J of the pieces is common have each of their minima in common with
probability J (Broder, "On the resemblance and containment of documents", 1997), and so a whole band
of `ROWS` minima with J^`ROWS` (Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets",
chapter 3). All minima come from one hash of each piece, each from a bin of its own (Li, Owen and
Zhang, "One permutation hashing", 2012); an empty bin takes what the next one has (Shrivastava and
Li, "Densifying one permutation hashing", 2014).
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final
from zlib import crc32

from services.platform.text.bounded_text import caseless

__all__ = ["BANDS", "ENOUGH", "bands"]

BANDS: Final = 8
ROWS: Final = 4
ENOUGH: Final = 3
"""Bands that two texts have in common which say nearly the same."""
PIECE_CHARS: Final = 5
"""A piece: long enough to be rare, short enough for a changed word to leave most of them alone."""
MIN_CHARS: Final = 40
"""What has fewer characters is too little to be nearly the same: it is compared as a whole, and
with its links and handles. `Game 1` is not `Game 2`."""
_BINS: Final = BANDS * ROWS
_LINKS_AND_HANDLES: Final = re.compile(r"https?://\S+|@\w+", re.IGNORECASE)
_NO_WORD: Final = re.compile(r"[\W_]+")


def bands(text: str) -> Sequence[str]:
    """Give the bands of a text, `BANDS` of them, each as one word; none of an empty one.

    Tweets of pictures alone have no text, and are not nearly the same for it.
    """
    if not text:
        return []
    minima = _minima(_pieces(_compared(text)))
    return [
        f"{band}.{crc32(repr(minima[band * ROWS : (band + 1) * ROWS]).encode()):08x}"
        for band in range(BANDS)
    ]


def _minima(pieces: Iterable[int]) -> list[int]:
    """Give the least of each bin; there is a piece at least."""
    # Of those of a bin the least comes last, and stays.
    least = {piece % _BINS: piece // _BINS for piece in sorted(pieces, reverse=True)}
    first = min(least)
    filled, value = first + _BINS, least[first]
    minima: list[int] = []
    for place in range(_BINS - 1, -1, -1):
        if place in least:
            filled, value = place, least[place]
        # How far it came from is part of it: two empty bins agree only if they borrow alike.
        minima.append(value * _BINS + filled - place)
    return minima[::-1]


def _compared(text: str) -> str:
    """Give what of a text counts: letters and digits in small letters, spaces between words."""
    bare = _plain(_LINKS_AND_HANDLES.sub(" ", text))
    return bare if len(bare) >= MIN_CHARS else _plain(text)


def _plain(text: str) -> str:
    plain = _NO_WORD.sub(" ", caseless(text)).strip()
    # Of signs and emoji alone.
    return plain or text


def _pieces(text: str) -> set[int]:
    if len(text) < MIN_CHARS:
        return {crc32(text.encode())}
    places = range(len(text) - PIECE_CHARS + 1)
    if text.isascii():
        raw = text.encode()
        return {crc32(raw[at : at + PIECE_CHARS]) for at in places}
    return {crc32(text[at : at + PIECE_CHARS].encode()) for at in places}
