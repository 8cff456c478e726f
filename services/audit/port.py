"""What other parts need of the audit log, and the events there are."""

from typing import Final, Protocol

__all__ = [
    "ADMIN_CALL",
    "APP_KEY_MADE",
    "APP_KEY_REVOKED",
    "APP_REGISTERED",
    "EDGE_DENIED",
    "KEY_ADDED",
    "KEY_RETIRED",
    "LIMIT_HIT",
    "LOG_IN",
    "LOG_IN_FAILED",
    "PASSWORD_CHANGED",
    "SIBLING_DENIED",
    "SIGNED_UP",
    "TOKEN_ISSUED",
    "TOKEN_REFUSED",
    "TOKEN_REUSED",
    "TOKEN_REVOKED",
    "TORN_TAIL",
    "Audit",
    "Fact",
]

Fact = str | int | bool


class Audit(Protocol):
    """Where events go that somebody may have to answer for."""

    def record(self, event: str, /, **facts: Fact) -> None:
        """Append an event; on return the operating system has it.

        Facts name people and things. Never a password, a token, a code or a key; long texts are
        cut. Raises `OSError` when it cannot be written: what must be audited must not go on then.
        """
        ...


# ---- Events. Alerts depend on each: rename one as carefully as a proto field. ----

LOG_IN: Final = "login.succeeded"
"""`user_id` showed the right password to `client_id`."""
LOG_IN_FAILED: Final = "login.failed"
"""Somebody did not; `handle` as typed, where it can be one."""
SIGNED_UP: Final = "signup.completed"
"""`user_id` can log in as `handle`."""
TOKEN_ISSUED: Final = "token.issued"  # noqa: S105 - a name
"""`client_id` was given an access token by `grant`: for `user_id`, where there is one."""
TOKEN_REFUSED: Final = "token.refused"  # noqa: S105 - a name
"""The token endpoint refused a request of `client_id`, as it called itself, with `error`."""
TOKEN_REVOKED: Final = "token.revoked"  # noqa: S105 - a name
"""`client_id` gave back the tokens that descend from one log-in of `user_id`."""
TOKEN_REUSED: Final = "token.reused"  # noqa: S105 - a name
"""A code or refresh token (`kind`) came a second time: one of two holders is a thief, and all
tokens that descend from that log-in are dead."""
PASSWORD_CHANGED: Final = "password.changed"  # noqa: S105 - a name
"""`user_id` set another password, and `ended` other sessions are over."""
APP_REGISTERED: Final = "app.registered"
"""An operator made `client_id` known."""
APP_KEY_MADE: Final = "app_key.made"
"""An operator made the API key `key_id` for `client_id`."""
APP_KEY_REVOKED: Final = "app_key.revoked"
"""An operator took the API key `key_id` of `client_id` back."""
KEY_ADDED: Final = "key.added"
"""A signing key `kid` was made; it signs from `signs_from_ms` on."""
KEY_RETIRED: Final = "key.retired"
"""A signing key `kid` was forgotten: all that it signed has expired."""
EDGE_DENIED: Final = "edge.denied"
"""The edge or a service answered 401 or 403 to a request from outside."""
LIMIT_HIT: Final = "limit.hit"
"""The edge answered 429."""
SIBLING_DENIED: Final = "sibling.denied"
"""A service was asked by another what that one may not ask."""
ADMIN_CALL: Final = "admin.called"
"""An operator called an internal RPC."""
TORN_TAIL: Final = "audit.torn_tail"
"""The log ended within a line, of `bytes` with the digest `sha256`: its writer was cut off."""
