"""Requests and answers of OAuth: as our listener has them, and as authlib wants them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc6749 import OAuth2Payload

__all__ = ["Answer", "Call", "WrappedCall"]

# Printable ASCII without quotation mark and backslash, as RFC 6749, A.7 and A.8, have it.
_PLAIN: Final = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]*")
_NOT_PLAIN: Final = "(of other characters)"
"""Stands for a value that nothing of ours has. authlib repeats these values in the description of
an error, and breaks on the characters that one may not have."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request of the HTTP listener: parameters of the query for GET, of the form for POST.

    Each parameter is there once; where it came twice, there was no call.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer: `body` is JSON unless it is text."""

    status: int
    body: Mapping[str, Any] | str
    headers: Mapping[str, str]


class WrappedCall(OAuth2Request):
    """A call as authlib sees it."""

    def __init__(self, issuer: str, call: Call) -> None:
        super().__init__(call.method, f"{issuer}{call.path}", headers=call.headers)
        # A parameter without a value is one that was left out (RFC 6749, 3.1 and 3.2).
        self.payload = _Payload({name: said for name, said in call.parameters.items() if said})
        self.family_id = ""

    @property
    def args(self) -> Mapping[str, str]:
        """Return the parameters of a query."""
        return self.payload.data if self.method == "GET" else {}

    @property
    def form(self) -> Mapping[str, str]:
        """Return the parameters of a form."""
        return self.payload.data if self.method == "POST" else {}


class _Payload(OAuth2Payload):
    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._parameters = parameters

    @property
    def data(self) -> Mapping[str, str]:
        return self._parameters

    @property
    def datalist(self) -> Mapping[str, list[str]]:
        return {name: [value] for name, value in self._parameters.items()}

    @property
    def response_type(self) -> str | None:
        return self._plain(super().response_type)

    @property
    def grant_type(self) -> str | None:
        return self._plain(super().grant_type)

    @property
    def redirect_uri(self) -> str | None:
        return self._plain(super().redirect_uri)

    def _plain(self, value: str | None) -> str | None:
        return value if value is None or _PLAIN.fullmatch(value) else _NOT_PLAIN
