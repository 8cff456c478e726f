"""What a query looks at, so that a misspelt name does not pass for a quiet system."""

import re
from collections.abc import Iterator

__all__ = ["operands", "selectors"]

_LABEL_LISTS = re.compile(r"\b(by|without|on|ignoring)\s*\([^)]*\)")
_RANGES = re.compile(r"\[[^\]]*\]")
# A text, or a name with its matchers; one that is followed by a parenthesis is a function.
_WORD = re.compile(r'"[^"]*"|(?<![\w.])([a-zA-Z_:][\w:]*)(\{[^}]*\})?(\s*\()?')
_PIECES = re.compile(r"(\(|\)| and | > | < | == )")
_BETWEEN = {"and", ">", "<", "=="}
_OPERATORS = {"and", "or", "unless", "bool", "offset"}


def selectors(expression: str) -> Iterator[str]:
    """Each metric of an expression, with its matchers."""
    bare = _RANGES.sub("", _LABEL_LISTS.sub("", expression))
    for name, matchers, call in _WORD.findall(bare):
        if name and not call and name not in _OPERATORS:
            yield name + matchers


def operands(condition: str) -> Iterator[str]:
    """What an alert compares: it has values whether the alert fires or not."""
    part, depth = "", 0
    for piece in _PIECES.split(f"{condition} and "):
        depth += (piece == "(") - (piece == ")")
        if depth or piece.strip() not in _BETWEEN:
            part += piece
            continue
        if not re.fullmatch(r"[\d.]+", part):
            yield part
        part = ""
