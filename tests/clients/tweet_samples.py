"""Texts that are near the borders of Twitter's rules, drawn from a seed."""

import random
import unicodedata
from collections.abc import Iterator
from typing import Final

__all__ = ["every_character", "generated"]

PIECES: Final = (
    *("http://", "https://", "HTTP://", "htp://", "://", "www.", "t.co/", "https://t.co/abc"),
    *("-", "_", ".", "..", "/", "//", "?", "q=1", "&", "#", "\uff03", "@", "\uff20", "$", "("),
    *(")", "((", "))", ":", "80", "!", ";", ",", " ", "  ", "\n", "\t", "\u3000", "a", "b", "Z"),
    *("~", "+", "%", "*", "[", "]", "|", "=", '"', "'", "\u2019", "\u2026", "\u2013", "\u3002"),
    *("\uff0e", "\uff61", "\u00e9", "\u00df", "\u4f60", "\u597d", "\ud55c", "\u0627", "\u05e9"),
    *("\u0301", "\u00b7", "\U0001f600", "\U0001f44d\U0001f3fd", "\u2764\ufe0f", "1\ufe0f\u20e3"),
    *("\U0001f1eb\U0001f1f7", "\U0001f468\u200d\U0001f469\u200d\U0001f467"),
    *("\U0001f46e\u200d\u2640\ufe0f", "\U0001f3fd", "\U0001f9d1\u200d\U0001f91d\u200d\U0001f9d1"),
    *("\ufe0f", "\ufe0e", "\u200d", "\u20e3", "\u00a9\ufe0f", "\u00a9", "\u261d\ufe0f\U0001f3fd"),
    *("\U0001f1eb", "\U00010437", "\U0001d7ce", "RT", "rt:", "rt @", "user", "/list", "tag"),
    *("tag1", "123", "_x", "AAPL", "BRK.B", "ab._c", "example.com", "exa_mple.com"),
    *("foo.com/bar_(baz)", "a.b.c", "@a", "#b", "$C", "#1", "#\ufe0f", "\u061c", "\u200e"),
    *("\u200b", "x" * 62, "x" * 64, "\u00e9" * 50, "`", "^", "{", "<", ">", ".com", ".de"),
    *(".co.uk", ".\u4e2d\u56fd", ".xn--p1ai", ".\u0440\u0444", "com", "\u017f", "\u212a"),
)
LABELS: Final = (
    *("a", "ex-a", "b_c", "\u00e9", "\u4f60\u597d", "x" * 63, "x" * 64, "\u00fc" * 40),
    *("\u00fc" * 57, "\u00fc" * 58, "1", "\U0001f600", "-", "_a", "a-", ""),
)
TOP_LEVEL: Final = ("com", "co.uk", "de", "\u4e2d\u56fd", "\u307f\u3093\u306a", "xn--p1ai", "none")
BEFORE: Final = (
    *("", "http://", "https://", " ", "(", "\u00e9", "\U0001f600", "@", "\u4f60", "/", "x"),
)
AFTER: Final = (
    *(":80", "/", "/a", "?b", "=c", "(d)", "(e", "f)", "(g(h)i)", "!", ".", ",", "#x", "@y"),
    *("\u00e9", "\u044f", "\u4f60", "\U0001f600", "-", "_", "~", "|", "[z]", "'", " ", "&", "*"),
)
LONG_ROWS: Final = (range(0x3401, 0x9FFF), range(0xAC01, 0xD7A3), range(0x17001, 0x18CFF))


def generated(count: int, seed: int) -> Iterator[str]:
    """Some of loose pieces, some of a domain with what may stand around it; all in NFC."""
    rng = random.Random(seed)  # noqa: S311 - the same texts each time
    for _ in range(count):
        text = _pieces(rng) if rng.random() < 0.6 else _domain(rng)
        yield unicodedata.normalize("NFC", text)


def every_character() -> Iterator[str]:
    """Each character below U+20000 that is in use, in each place where its kind matters.

    Of the long rows of ideographs and Hangul syllables, which are all of one kind, some.
    """
    for point in range(0x20, 0x20000):
        char = chr(point)
        if any(point in row and point % 64 for row in LONG_ROWS):
            continue
        if unicodedata.category(char) in {"Cc", "Cn", "Cs"}:
            continue
        yield f"{char}#a #a{char} #{char}"
        yield f"{char}http://a.co http://a.co/{char} http://a.co/?{char}="
        yield f"{char}.com http://{char}.com http://a.com{char}"
        yield f"{char}@a @a{char} x{char}rt@a {char}$a $a{char}"


def _pieces(rng: random.Random) -> str:
    return "".join(rng.choice(PIECES) for _ in range(rng.randrange(1, 10)))


def _domain(rng: random.Random) -> str:
    labels = [rng.choice(LABELS) for _ in range(rng.randrange(1, 4))]
    after = "".join(rng.choices(AFTER, k=rng.randrange(7)))
    return rng.choice(BEFORE) + ".".join([*labels, rng.choice(TOP_LEVEL)]) + after
