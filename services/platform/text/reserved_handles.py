"""Handles that nobody may take, as their holder would pass for us or for a page of ours."""

from typing import Final

__all__ = ["is_reserved"]

_RESERVED: Final = frozenset(
    {
        # Us.
        *("aviary", "aviaryapp", "aviaryhq", "aviarysupport", "aviaryteam", "official", "staff"),
        *("team", "admin", "admins", "administrator", "root", "sysadmin", "system", "operator"),
        *("mod", "moderator", "moderators", "owner", "support", "help", "helpdesk", "security"),
        *("abuse", "billing", "contact", "info", "legal", "press", "privacy", "safety", "trust"),
        *("verified", "verify"),
        # Addresses that every domain keeps (RFC 2142).
        *("hostmaster", "noc", "postmaster", "webmaster", "noreply", "mailerdaemon"),
        # Paths and pages, of today or of any such site.
        *("about", "account", "accounts", "api", "app", "apps", "auth", "docs", "explore"),
        *("graphql", "healthz", "home", "login", "logout", "messages", "notifications"),
        *("me", "self", "bookmarks", "likes", "lists", "media", "stream", "trends"),
        *("oauth", "openapi", "search", "settings", "signin", "signup", "static", "status"),
        *("terms", "timeline", "tweet", "tweets", "user", "users", "wellknown", "www"),
        # What programs print where there is no name.
        *("anonymous", "deleted", "everyone", "guest", "null", "undefined", "unknown"),
    }
)


def is_reserved(handle: str) -> bool:
    """Whether a valid handle is one of these, in any case and with underscores anywhere."""
    return handle.lower().replace("_", "") in _RESERVED
