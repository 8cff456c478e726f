"""The user service in one declaration."""

from types import MappingProxyType
from typing import Final

from services.platform.leasing.calls import LEASE_CALLS
from services.platform.outbox.keys import OUTBOX_KEY
from services.platform.rows.port import TableSpec
from services.platform.specs import ServiceSpec

__all__ = [
    "GONE",
    "HANDLES",
    "NAMES",
    "OUTBOX",
    "REQUESTS",
    "REQUEST_MAX_AGE_S",
    "SPEC",
    "TABLES",
    "USERS",
    "USER_EVENTS",
]

REQUEST_MAX_AGE_S: Final = 86_400
"""Clients retry for minutes; a day leaves room for one that was offline. Answers name the user, so
this is also how long a deleted one's names are kept."""

USERS: Final = TableSpec("users", key="{user:016x}")
HANDLES: Final = TableSpec("handles", key="{handle}")
NAMES: Final = TableSpec("user_names", key="{name} #{user:016x}")
"""By what users are searched; no truth, see `name_index`."""
REQUESTS: Final = TableSpec(
    "user_requests", max_age_s=REQUEST_MAX_AGE_S, key="{scope}#{request id}"
)
OUTBOX: Final = TableSpec("user_outbox", key=OUTBOX_KEY)
TABLES: Final = (USERS, HANDLES, NAMES, REQUESTS, OUTBOX)

USER_EVENTS: Final = "user-events"

GONE: Final = b"users.gone"
"""The channel on which each deleted id is announced to who keeps ids, see `KnownIds`."""

SPEC: Final = ServiceSpec(
    name="user",
    summary="accounts, handles and profiles",
    port=50_051,
    contracts=("aviary.user.v1.UserService",),
    calls=(
        *LEASE_CALLS,
        "aviary.graph.v1.GraphService/LookupCounts",
        "aviary.graph.v1.GraphService/SetProtection",
        "aviary.tweet.v1.TweetService/LookupAuthorCounts",
        "aviary.tweet.v1.TweetService/LookupSeenTweets",
    ),
    # A command that is told a user says so where there is none.
    operator_calls=(
        "aviary.user.v1.UserService/BackfillNames",
        "aviary.user.v1.UserService/GetUser",
    ),
    tables=TABLES,
    uses_cache=True,
    secrets=("AVIARY_CURSOR_KEY",),
    topics=MappingProxyType({USER_EVENTS: "Accounts deleted."}),
)
