"""The timeline service in one declaration."""

from typing import Final

from services.platform.drawing.calls import drawing_calls
from services.platform.rows.port import TableSpec
from services.platform.specs import ServiceSpec
from services.timeline.ages import ACTIVE_DAYS, DAY_MS
from services.timeline.keys import expired_homes

__all__ = [
    "CELEBRITIES",
    "DELETED",
    "HOME",
    "PUSHED",
    "RETENTION_S",
    "SPEC",
    "TABLES",
    "UNPUSHED",
    "VIEWERS",
    "WATCHED",
]

RETENTION_S: Final = ACTIVE_DAYS * DAY_MS // 1_000
"""Of pushed ids, in seconds; older pages are merged from the authors."""

HOME: Final = TableSpec(
    "home",
    max_age_s=RETENTION_S,
    key="{user:016x}#{~day:08x}, column {~tweet}",
    newest_first=True,
    expired=expired_homes,
)
VIEWERS: Final = TableSpec("viewers", key="{user:016x}")
CELEBRITIES: Final = TableSpec("celebrities", key="{author:016x}")
TABLES: Final = (HOME, VIEWERS, CELEBRITIES)

DELETED: Final = b"tweets.deleted"
"""The channel on which each deleted tweet is announced to who keeps tweets, see `LocalTweets`."""

WATCHED: Final = b"watched"
"""The name under which it is known whose home timelines somebody watches (`WatchedIds`)."""
PUSHED: Final = b"homes.pushed"
"""The channel on which pushes to those are announced: pairs of the viewer and the entry."""
UNPUSHED: Final = b"homes.unpushed"
"""The same of entries that readers merge: pairs of the author and the entry."""

SPEC: Final = ServiceSpec(
    name="timeline",
    summary="home and user timelines",
    port=50_056,
    http_port=50_060,
    json_over_http=True,
    contracts=("aviary.timeline.v1.TimelineService",),
    calls=(
        *drawing_calls("timeline"),
        # GetRelations of a graph process of the release before StreamRelations alone.
        "aviary.graph.v1.GraphService/GetRelations",
        "aviary.graph.v1.GraphService/LookupRelations",
        "aviary.tweet.v1.TweetService/ListAuthorTweets",
    ),
    operator_calls=("aviary.timeline.v1.TimelineService/RebuildHomeTimeline",),
    tables=TABLES,
    uses_cache=True,
    secrets=("AVIARY_CURSOR_KEY",),
)
