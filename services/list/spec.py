"""The list service in one declaration."""

from typing import Final

from services.platform.bus.port import Subscription
from services.platform.drawing.calls import drawing_calls
from services.platform.leasing.calls import LEASE_CALLS
from services.platform.rows.port import TableSpec
from services.platform.specs import ServiceSpec
from services.user.spec import USER_EVENTS

__all__ = ["ERASURE", "LISTS", "LISTS_BY_OWNER", "LISTS_WITH", "REQUESTS", "SPEC", "TABLES"]

REQUEST_MAX_AGE_S: Final = 86_400
"""Clients retry for minutes; a day leaves room for one that was offline."""

LISTS: Final = TableSpec("lists", key="{list:016x}")
LISTS_BY_OWNER: Final = TableSpec("lists_by_owner", key="{owner:016x}")
LISTS_WITH: Final = TableSpec("lists_with", key="{member:016x}, column {list}")
"""In which lists somebody is, or has been: what the erasure of an account looks through."""
REQUESTS: Final = TableSpec(
    "list_requests", max_age_s=REQUEST_MAX_AGE_S, key="{owner:016x}#{request id}"
)
TABLES: Final = (LISTS, LISTS_BY_OWNER, LISTS_WITH, REQUESTS)

ERASURE: Final = Subscription("list.erasure", USER_EVENTS)

SPEC: Final = ServiceSpec(
    name="list",
    summary="lists of users, and what their members post",
    port=50_069,
    contracts=("aviary.list.v1.ListService",),
    calls=(
        *LEASE_CALLS,
        *drawing_calls("list"),
        # Of a process of the release before LookupSights, as long as one may run.
        "aviary.graph.v1.GraphService/LookupStandings",
        "aviary.tweet.v1.TweetService/ListAuthorTweets",
    ),
    tables=TABLES,
    # Only to hear what changes of what it draws.
    uses_cache=True,
    subscriptions=(ERASURE,),
    secrets=("AVIARY_CURSOR_KEY",),
)
