r"""What a tweet may say, and how long it is.

Lengths follow version 3 of Twitter's public `twitter-text` configuration: text is normalised to
NFC, most scripts count 1 a character and the rest (CJK, emoji) 2, an emoji sequence counts 2 as a
whole, a URL counts 23 however long it is.

Simplified against `twitter-text`:

- Emoji are recognised by block and by the grammar of sequences (ZWJ, skin tone, flag, keycap, tag),
  not by the list of recommended sequences; a ZWJ sequence has at most four elements, as the longest
  on that list, so that a chain of joiners cannot smuggle in text.
- After `http://` or `https://` any top-level domain of two or more letters is taken as known.
  Without a protocol only those of `BARE_TLDS` are, and only ASCII names.
- A URL ends before its last `)` or punctuation mark, whether or not parentheses balance.
"""

import re

from services.platform.errors import InvalidArgumentError
from services.platform.text.bounded_text import normalized
from services.platform.text.characters import check_characters, is_blank

__all__ = ["BARE_TLDS", "MAX_WEIGHTED_LENGTH", "URL_LENGTH", "validate_text", "weighted_length"]

MAX_WEIGHTED_LENGTH = 280

URL_LENGTH = 23
"""What each URL counts, as if shortened."""

MAX_URL_CHARS = 4096
"""A longer one is counted as text, as by `twitter-text`."""

MAX_RAW_CHARS = 50_000
"""More cannot fit: eleven URLs of `MAX_URL_CHARS` and the text between. Checked first, so that
nobody makes us parse megabytes."""

MAX_PLAIN_CHARS = MAX_WEIGHTED_LENGTH // 2 * 11
"""More cannot fit without a URL: the longest emoji sequence has 11 code points and counts 2. So
whoever counts looks no further ahead for a URL, and a text that has none is refused early."""

BARE_TLDS = (
    "com", "net", "org", "edu", "gov", "info", "io", "dev", "app", "co", "ai", "tv", "uk", "de",
    "fr", "es", "nl", "jp", "br", "ru", "cn", "ca", "au",
)  # fmt: skip
"""Top-level domains that make a URL without `http://`; words that end a sentence stay out."""

_SCALE = 100
_DEFAULT_WEIGHT = 200
_LIGHT_WEIGHT = 100
_LIGHT_RANGES = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
"""Code points, both ends included, that weigh `_LIGHT_WEIGHT`."""

_LIGHT = re.compile("[" + "".join(f"{chr(lo)}-{chr(hi)}" for lo, hi in _LIGHT_RANGES) + "]")

_BASE = (
    "[\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299"
    # Regional indicators and skin tones are left out: they only modify.
    "\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff]"
)
_ELEMENT = rf"{_BASE}(?:\ufe0f|[\U0001f3fb-\U0001f3ff])?"
_EMOJI = (
    r"[\U0001f1e6-\U0001f1ff]{2}"  # flag
    r"|[0-9#*]\ufe0f?\u20e3"  # keycap
    r"|\U0001f3f4[\U000e0030-\U000e007a]{5}\U000e007f"  # flag of a subdivision, such as Wales
    r"|[\u00a9\u00ae]\ufe0f"  # letters unless asked for as emoji
    rf"|{_ELEMENT}(?:\u200d{_ELEMENT}){{0,3}}"
)

_PATH_CHAR = r"a-z0-9\u00c0-\u024f\u0400-\u04ff=_#/+\-~%&@|$*"
_TAIL = (
    r"(?![a-z0-9@+\-_])(?::[0-9]{1,5})?"
    rf"(?:[/?#](?:[{_PATH_CHAR}!?';:,.()\[\]]*[{_PATH_CHAR}])?)?"
)
_URL = (
    r"(?<![a-z0-9@$#\uff20\uff03\u202a-\u202e])(?:"
    r"https?://(?:[^\W_](?:[\w\-]{0,61}[^\W_])?\.)+(?:xn--[a-z0-9]{2,59}|[^\W\d_]{2,63})"
    r"|(?<![\-_./])(?:[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?\.)+"
    rf"(?:{'|'.join(BARE_TLDS)})"
    rf"){_TAIL}"
)
_URL_PATTERN = re.compile(_URL, re.IGNORECASE)
_EMOJI_PATTERN = re.compile(_EMOJI)

_LINE_ENDS = re.compile("\r\n?")


def weighted_length(text: str) -> int:
    """Count `text` as users see it counted, to be held against `MAX_WEIGHTED_LENGTH`.

    Beyond that, counting may end early: of a text that is too long it says no more than that.
    Raises `InvalidArgumentError` on `text` for one that is not worth counting: longer than
    `MAX_RAW_CHARS`, or with more combining marks in a row than any language has.
    """
    return _composed_length(_composed(text))


def validate_text(text: str) -> str:
    """Check the text of a tweet and give it in NFC with lines that end in U+000A.

    Raises `InvalidArgumentError` on `text` if it is blank, longer than `MAX_WEIGHTED_LENGTH`, has
    what `check_characters` refuses, or has more combining marks in a row than any language.
    """
    text = _composed(text)
    check_characters("text", text, lines=True)
    if is_blank(text):
        raise InvalidArgumentError("text", "must not be blank")
    length = _composed_length(text)
    if length > MAX_WEIGHTED_LENGTH:
        raise InvalidArgumentError(
            "text",
            f"must have a weighted length of at most {MAX_WEIGHTED_LENGTH}, has {length} or more",
        )
    return text


def _composed(text: str) -> str:
    wanted = f"must be at most {MAX_RAW_CHARS} characters"
    composed = normalized("text", text, most=MAX_RAW_CHARS, wanted=wanted)
    return _LINE_ENDS.sub("\n", composed)


def _composed_length(text: str) -> int:
    """Count a text in NFC, up to where it is too long."""
    if text.isascii() and "." not in text and "://" not in text:
        return len(text)
    weight = position = 0
    while weight <= MAX_WEIGHTED_LENGTH * _SCALE:
        # Far enough for a URL that is none for being too long, which is counted as text.
        end = position + MAX_PLAIN_CHARS + MAX_URL_CHARS + 1
        url = _URL_PATTERN.search(text, position, end)
        if url is None or url.end() - url.start() > MAX_URL_CHARS:
            weight += _plain_weight(text[position:end])
            break
        weight += _plain_weight(text[position : url.start()]) + URL_LENGTH * _SCALE
        position = url.end()
    return weight // _SCALE


def _plain_weight(text: str) -> int:
    """Weigh, in hundredths, text without URLs."""
    if text.isascii():
        return len(text) * _LIGHT_WEIGHT
    rest, emoji = _EMOJI_PATTERN.subn("", text)
    light = len(_LIGHT.findall(rest))
    return emoji * _DEFAULT_WEIGHT + light * _LIGHT_WEIGHT + (len(rest) - light) * _DEFAULT_WEIGHT
