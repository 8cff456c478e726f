"""Tokens that tie a form to the page, and the browser, that it was shown in (against CSRF).

Each page has a cookie of its own, so any number of them can be open side by side, in tabs of one
browser. A token is `<page>.<secret>`: the page's name is in the name of the cookie, the secret is
its value.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.responses import Response

from services.identity.own_cookies import OwnCookies

__all__ = ["FormTokens"]

PAGE_BYTES: Final = 4
"""Pages of one browser within `MAX_AGE_S`, so that none takes another's cookie. Short, as a browser
sends all of them, and the edge takes 16 KiB of headers: more than a browser keeps of one site."""
SECRET_BYTES: Final = 32
MAX_AGE_S: Final = 600
"""A page that was left open longer is asked for again."""
_TOKEN: Final = re.compile(rf"([0-9a-f]{{{2 * PAGE_BYTES}}})\.([\w-]+)", re.ASCII)
_TOO_LONG: Final = "This page was open too long. Once more, please."
_TWO: Final = "Your browser has two cookies of this page. Delete this site's, and try again."


class FormTokens:
    """Makes and checks them. Nothing is kept here: any replica takes what another made."""

    def __init__(self, cookies: OwnCookies) -> None:
        self._cookies = cookies

    def draw(self) -> str:
        """Make the token of a page that is about to be shown."""
        return f"{secrets.token_hex(PAGE_BYTES)}.{secrets.token_urlsafe(SECRET_BYTES)}"

    def keep(self, response: Response, token: str) -> None:
        """Have the browser that gets the page keep its half."""
        page, _, secret = token.partition(".")
        self._cookies.keep(response, _of_page(page), secret, MAX_AGE_S)

    def forget(self, response: Response, token: str) -> None:
        """Have the browser forget a page that was decided on."""
        if found := _TOKEN.fullmatch(token):
            self._cookies.keep(response, _of_page(found[1]), "", 0)

    def wrong_with(self, token: str, cookies: Mapping[str, Sequence[str]]) -> str:
        """Say what is wrong with a form that this browser may not have had of us; empty if not."""
        found = _TOKEN.fullmatch(token)
        kept = cookies.get(self._cookies.name(_of_page(found[1])), ()) if found else ()
        if len(kept) > 1:
            # One of them was planted, by a page that shares our host, or by a sibling domain.
            return _TWO
        if not found or not kept or not secrets.compare_digest(found[2].encode(), kept[0].encode()):
            return _TOO_LONG
        return ""


def _of_page(page: str) -> str:
    return f"csrf-{page}"
