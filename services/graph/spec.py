"""The graph service in one declaration."""

from types import MappingProxyType
from typing import Final

from services.platform.bus.port import Subscription
from services.platform.leasing.calls import LEASE_CALLS
from services.platform.outbox.keys import OUTBOX_KEY
from services.platform.rows.port import TableSpec
from services.platform.specs import ServiceSpec
from services.user.spec import USER_EVENTS

__all__ = [
    "BLOCKED_BY",
    "BLOCKING",
    "EDGE_TABLES",
    "ERASURE",
    "FOLLOWERS",
    "FOLLOWING",
    "FOLLOW_COUNTS",
    "GRAPH_EVENTS",
    "MUTED_WORDS",
    "MUTING",
    "OUTBOX",
    "PROTECTED",
    "REQUESTED",
    "REQUESTING",
    "SPEC",
    "TABLES",
]

FOLLOWING: Final = TableSpec("following", key="{follower:016x}, column {followee}")
FOLLOWERS: Final = TableSpec("followers", key="{followee:016x}#{follower:016x}")
MUTING: Final = TableSpec("muting", key="{viewer:016x}, column {muted}")
BLOCKED_BY: Final = TableSpec("blocked_by", key="{blocked:016x}, column {viewer}")
BLOCKING: Final = TableSpec("blocking", key="{viewer:016x}, column {blocked}")
REQUESTING: Final = TableSpec("requesting", key="{requester:016x}, column {asked}")
REQUESTED: Final = TableSpec("requested", key="{asked:016x}, column {requester}")
"""Who asks to follow a protected user."""
EDGE_TABLES: Final = (
    BLOCKED_BY,
    BLOCKING,
    FOLLOWING,
    FOLLOWERS,
    MUTING,
    REQUESTING,
    REQUESTED,
)
"""In the order in which a change writes them: a block comes before the follows that it bars, so who
sees a follow barred can see the block. Wide rows, one for each user with a column for each other
user; but followers, of whom there can be millions, have one row for each edge."""

FOLLOW_COUNTS: Final = TableSpec("follow_counts", key="{user:016x}")
PROTECTED: Final = TableSpec("protected", key="{user:016x}")
"""Whose tweets are for approved followers only, as their account says; dated by its revisions."""
MUTED_WORDS: Final = TableSpec("muted_words", key="{viewer:016x}")
"""What a user does not want to read, all in one cell: so it is counted, whoever writes."""
OUTBOX: Final = TableSpec("graph_outbox", key=OUTBOX_KEY)
TABLES: Final = (*EDGE_TABLES, FOLLOW_COUNTS, PROTECTED, MUTED_WORDS, OUTBOX)

GRAPH_EVENTS: Final = "graph-events"
ERASURE: Final = Subscription("graph.erasure", USER_EVENTS)

SPEC: Final = ServiceSpec(
    name="graph",
    summary="who follows, blocks and mutes whom, and which words",
    port=50_054,
    http_port=50_062,
    json_over_http=True,
    contracts=("aviary.graph.v1.GraphService", "aviary.graph.v1.MutedWordService"),
    calls=(*LEASE_CALLS, "aviary.user.v1.UserService/LookupUsers"),
    tables=TABLES,
    topics=MappingProxyType({GRAPH_EVENTS: "Follows, blocks and mutes made and removed."}),
    subscriptions=(ERASURE,),
    # What is cached of relations is forgotten before their change is answered.
    uses_cache=True,
    secrets=("AVIARY_CURSOR_KEY",),
)
