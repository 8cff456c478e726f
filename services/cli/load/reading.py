"""Graphs and texts from files, plain or gzipped."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

from services.cli.load.errors import InputError
from services.cli.load.model import FollowGraph, Texts
from services.platform.errors import InvalidArgumentError
from services.tweet.text import MAX_WEIGHTED_LENGTH, weighted_length

__all__ = ["read_graph", "read_texts"]

GZIP_MAGIC = b"\x1f\x8b"
COMMENT = "#"
BYTE_ORDER_MARK = "\ufeff"
NODES_PER_EDGE = 2
# Of a node's number, far more than any data set has.
MAX_DIGITS = 40
# Characters of a bad line that an error shows.
SHOWN_CHARS = 60


def read_graph(path: Path, *, directed: bool) -> FollowGraph:
    """Read edges, `a b` a line: a follows b and, unless `directed`, b follows a.

    Blank lines and those that begin with `#` are skipped, doubles count once. Raises `InputError`
    for a line that is not two different whole numbers, and for a file without edges.
    """
    nodes: dict[int, None] = {}
    follows: list[tuple[int, int]] = []
    for number, line in _lines(path):
        if not line or line.startswith(COMMENT):
            continue
        one, other = _edge(path, number, line)
        nodes[one] = nodes[other] = None
        follows.append((one, other))
        if not directed:
            follows.append((other, one))
    if not follows:
        raise InputError(path, 0, "has no edges; wanted `a b` a line")
    return FollowGraph.of(nodes, follows)


def read_texts(path: Path, limit: int | None) -> Texts:
    """Read the first `limit` texts, one a line; blank lines and texts too long are left out.

    Raises `InputError` for a line that is not UTF-8, and for a file without any text.
    """
    too_long = 0

    def short_enough() -> Iterator[str]:
        nonlocal too_long
        for _, line in _lines(path):
            if not line:
                continue
            if not _is_short_enough(line):
                too_long += 1
                continue
            yield line

    texts = tuple(islice(short_enough(), limit))
    if not texts and limit != 0:
        raise InputError(path, 0, f"has no text of at most {MAX_WEIGHTED_LENGTH} characters")
    return Texts(texts, too_long)


def _is_short_enough(line: str) -> bool:
    try:
        return weighted_length(line) <= MAX_WEIGHTED_LENGTH
    except InvalidArgumentError:
        return False


def _edge(path: Path, number: int, line: str) -> tuple[int, int]:
    words = line.split()
    if len(words) != NODES_PER_EDGE or not all(map(_is_whole_number, words)):
        shown = line if len(line) <= SHOWN_CHARS else line[:SHOWN_CHARS] + "..."
        raise InputError(path, number, f"got {shown!r}, wanted two whole numbers")
    one, other = map(int, words)
    if one == other:
        raise InputError(path, number, f"got {line!r}, but nobody can follow themselves")
    return one, other


def _is_whole_number(word: str) -> bool:
    # isdecimal also takes other scripts' digits, which no edges file means; and reading a number
    # takes time by the square of its digits.
    return word.isascii() and word.isdecimal() and len(word) <= MAX_DIGITS


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Give number and text of every line, without the space around it."""
    number = 0
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(_unpacked(file), start=1):
                line = raw.decode()
                yield number, (line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line).strip()
    except UnicodeDecodeError as error:
        raise InputError(path, number, f"is not UTF-8: {error.reason}") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(path, number + 1, f"the gzip data is damaged: {error}") from error
    except OSError as error:
        raise InputError(path, 0, error.strerror or str(error)) from error


def _unpacked(file: BinaryIO) -> Iterable[bytes]:
    magic = file.read(len(GZIP_MAGIC))
    file.seek(0)
    return cast("Iterable[bytes]", gzip.GzipFile(fileobj=file)) if magic == GZIP_MAGIC else file
