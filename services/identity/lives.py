"""How long what the issuer keeps is of use, for its declaration too, which every process reads."""

from typing import Final

__all__ = ["DEVICE_S", "REFRESH_TOKEN_S"]

REFRESH_TOKEN_S: Final = 30 * 86_400
"""An app that is opened once a month stays logged in; each use begins the time anew."""

DEVICE_S: Final = 180 * 86_400
"""A browser that logs in twice a year is still known as one that did."""
