"""Which scopes there are, and who may have them."""

from types import MappingProxyType
from typing import Final

__all__ = ["ALL_SCOPES", "OWN_SCOPES", "USER_SCOPES", "known_scopes"]

USER_SCOPES: Final = MappingProxyType(
    {
        "openid": "Know who you are",
        "timeline:read": "Read your home timeline",
        "tweets:read": "Read tweets",
        "tweets:write": "Post, retweet and delete tweets in your name",
        "media:write": "Upload pictures in your name",
        "users:read": "Read profiles",
        "users:write": "Change and delete your profile",
        "follows:read": "See whom you follow and who follows you",
        "follows:write": "Follow and unfollow in your name",
        "blocks:write": "Block and mute in your name",
        "likes:read": "See which tweets you like, and who likes a tweet",
        "likes:write": "Like tweets, and take likes back, in your name",
        "bookmarks:read": "See which tweets you have bookmarked",
        "bookmarks:write": "Bookmark tweets, and remove bookmarks",
        "lists:read": "Read your lists, and those that everybody may read",
        "lists:write": "Make, change and delete lists in your name",
        "notifications:read": "Read your notifications",
        "notifications:write": "Mark your notifications as read",
    }
)
"""What an app may ask a user for, in the words the user is asked with."""

OWN_SCOPES: Final = ("users:create", "act:any")
"""What only an app of ours may do in its own name: make users, and act for anybody."""

ALL_SCOPES: Final = (*USER_SCOPES, *OWN_SCOPES)


def known_scopes(scope: str | None) -> list[str]:
    """Give those that there are of a list as requests have it, each once.

    Others are ignored (RFC 6749, 3.3; OpenID Connect Core, 3.1.2.1): clients ask every issuer for
    the same. Whoever gets a token is told what it is good for.
    """
    return [one for one in dict.fromkeys((scope or "").split()) if one in ALL_SCOPES]
