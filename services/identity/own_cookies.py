"""Cookies that only the issuer's own pages see, and no script."""

from starlette.responses import Response

__all__ = ["OwnCookies"]


class OwnCookies:
    """Names and sets them; `secure` where the issuer is reached by HTTPS."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure

    def name(self, what: str) -> str:
        """Give a cookie's name. A __Host- cookie cannot be planted from a sibling domain."""
        return f"__Host-aviary-{what}" if self._secure else f"aviary-{what}"

    def keep(self, response: Response, what: str, value: str, max_age_s: int) -> None:
        """Have the browser keep it for so long; not at all for 0 seconds."""
        response.set_cookie(
            self.name(what),
            value,
            max_age=max_age_s,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )
