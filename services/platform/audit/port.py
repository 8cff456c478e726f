"""What the rest of the platform needs of the audit log, and the events there are."""

from typing import Final, Protocol

from services.platform.errors import UnavailableError

__all__ = [
    "ADMIN_CALL",
    "ADMIN_ENDED",
    "APP_KEY_MADE",
    "APP_KEY_REVOKED",
    "APP_REGISTERED",
    "APP_REMOVED",
    "AUTHORITY_CHANGED",
    "CERTIFICATE_IN_USE",
    "CERTIFICATE_ISSUED",
    "DISPLACED",
    "EDGE_DENIED",
    "KEY_ADDED",
    "KEY_RETIRED",
    "KEY_WITHDRAWN",
    "LIMIT_HIT",
    "LOG_IN",
    "LOG_IN_FAILED",
    "PASSWORD_CHANGED",
    "SECRET_IN_USE",
    "SIBLING_DENIED",
    "SIGNED_UP",
    "SIGNING_KEYS_IN_USE",
    "TOKEN_ACCEPTED",
    "TOKEN_ISSUED",
    "TOKEN_REFUSED",
    "TOKEN_REUSED",
    "TOKEN_REVOKED",
    "TORN_TAIL",
    "Audit",
    "Fact",
    "UnwrittenError",
]

Fact = str | int | bool


class UnwrittenError(UnavailableError, OSError):
    """The audit log takes nothing now, as of a full disk; whoever asked may try again."""

    def __init__(self) -> None:
        super().__init__("This has to be recorded, and the audit log cannot be written now.")


class Audit(Protocol):
    """Where events go that somebody may have to answer for."""

    def record(self, event: str, /, **facts: Fact) -> None:
        """Append an event; on return the operating system has it.

        Facts name people and things. Never a password, a token, a code or a key; long texts are
        cut. Raises `UnwrittenError` when it cannot be written: what must be audited must not go on
        then.
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
APP_REMOVED: Final = "app.removed"
"""An operator ended `client_id`: it has no more tokens, and its API keys are revoked."""
APP_KEY_MADE: Final = "app_key.made"
"""An operator made the API key `key_id` for `client_id`."""
APP_KEY_REVOKED: Final = "app_key.revoked"
"""An operator took the API key `key_id` of `client_id` back."""
KEY_ADDED: Final = "key.added"
"""A signing key `kid` was made; it signs from `signs_from_ms` on."""
KEY_RETIRED: Final = "key.retired"
"""A signing key `kid` was forgotten: all that it signed has expired."""
KEY_WITHDRAWN: Final = "key.withdrawn"
"""An operator took the signing key `kid` back, and with it whatever it had signed."""
CERTIFICATE_ISSUED: Final = "certificate.issued"
"""The authority here made a certificate and key for the process called `name`."""
AUTHORITY_CHANGED: Final = "authority.changed"
"""One `step` of replacing the authority that signs certificates was done."""
CERTIFICATE_IN_USE: Final = "certificate.in_use"
"""This process shows the certificate `serial`, until `expires`, from now on."""
SIGNING_KEYS_IN_USE: Final = "signing_keys.in_use"
"""From now on this process signs requests by the key `signs`, and takes those of `verify`."""
SECRET_IN_USE: Final = "secret.in_use"  # noqa: S105 - a name
"""From now on this process goes by another value of the secret `name`."""
TOKEN_ACCEPTED: Final = "token.accepted"  # noqa: S105 - a name
"""The edge took a token of `user` and `client` from `remote`; how often is in
`services.platform.security.denials`."""
EDGE_DENIED: Final = "edge.denied"
"""The edge or a service answered 401 or 403 to a request from outside, `times` in a second."""
LIMIT_HIT: Final = "limit.hit"
"""The edge answered 429, `times` in a second."""
SIBLING_DENIED: Final = "sibling.denied"
"""A service was asked by `caller` for a `method` that this one may not ask, or in a request that is
not signed as it should be, `times` in a second."""
ADMIN_CALL: Final = "admin.called"
"""An operator calls an internal RPC, or runs a command: `what`, with `arguments`. It was who has
the `certificate` of this fingerprint (of an RPC), or the login `by` (of a command)."""
ADMIN_ENDED: Final = "admin.ended"
"""How the `call` of that number ended: `outcome` is OK or an error's code. Without it, the process
was killed meanwhile."""
TORN_TAIL: Final = "audit.torn_tail"
"""The log ended within a line, of `bytes` with the digest `sha256`: its writer was cut off."""
DISPLACED: Final = "audit.displaced"
"""The file of the log was moved, removed, replaced or changed (`how`) while it was written to; it
had entries up to the number `after`."""
