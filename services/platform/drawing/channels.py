"""Channels on which changes are announced of what is kept of tweets and users to draw them."""

from typing import Final

__all__ = ["COUNTED", "USER_CHANGED"]

COUNTED: Final = b"engagement.counted"
"""Each tweet whose counts have changed; published by the engagement service."""
USER_CHANGED: Final = b"users.changed"
"""Each user who has changed, or is gone; published by the user service."""
