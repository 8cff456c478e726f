"""The errors that an RPC's comment names, as in `NOT_FOUND (USER_NOT_FOUND): either user`."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from gateway.envoy.contracts import ContractError
from services.platform.error_reasons import CODE_NAMES, Reason

__all__ = ["NamedError", "errors_named", "prose"]


class NamedError(NamedTuple):
    """One error of an RPC."""

    code: str
    reason: Reason
    words: str
    """When it comes, as the comment has it."""


OF_CODE_ALONE: Final[Mapping[str, Reason]] = MappingProxyType(
    {"INVALID_ARGUMENT": Reason.INVALID_FIELD, "UNAVAILABLE": Reason.UNAVAILABLE}
)
"""Codes that come with one reason only, so that comments need not name it."""

_HEAD = r"(?:" + "|".join(sorted(set(CODE_NAMES.values()))) + r")(?: \([A-Z_]+\))?:"
_ERROR = re.compile(rf"([A-Z_]+)(?: \(([A-Z_]+)\))?: (.+?)(?= {_HEAD}|$)")
_FIRST = re.compile(_HEAD)


def errors_named(comment: str) -> Iterator[NamedError]:
    """Yield the errors in their order; raises `ContractError` for a reason not of that code."""
    text = _on_one_line(comment)
    first = _FIRST.search(text)
    for code, named, words in _ERROR.findall(text[first.start() :]) if first else ():
        yield NamedError(code, _reason(code, named), words.strip())


def prose(comment: str) -> str:
    """Return a comment without the errors that it names."""
    return _FIRST.split(_on_one_line(comment), maxsplit=1)[0].strip()


def _reason(code: str, named: str) -> Reason:
    if not named and code in OF_CODE_ALONE:
        return OF_CODE_ALONE[code]
    if named not in Reason.__members__ or CODE_NAMES[Reason(named)] != code:
        raise ContractError(f"{code} ({named}): no reason of that code has this name")
    return Reason(named)


def _on_one_line(comment: str) -> str:
    return " ".join(comment.split())
