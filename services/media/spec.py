"""The media service in one declaration."""

from types import MappingProxyType
from typing import Final

from services.platform.bus.port import Subscription
from services.platform.leasing.calls import LEASE_CALLS
from services.platform.outbox.keys import OUTBOX_KEY
from services.platform.rows.port import TableSpec
from services.platform.specs import ServiceSpec
from services.platform.visibility.calls import SIGHT_CALLS
from services.tweet.spec import TWEET_EVENTS
from services.user.spec import USER_EVENTS

__all__ = [
    "ERASURE",
    "FOLDER",
    "MEDIA",
    "MEDIA_BY_OWNER",
    "MEDIA_EVENTS",
    "OUTBOX",
    "PROCESSING",
    "QUARANTINED",
    "REQUESTS",
    "SPEC",
    "TABLES",
    "TWEETS",
    "UNSETTLED",
    "UPLOADS_PATH",
    "VARIANTS_PATH",
]

REQUEST_MAX_AGE_S: Final = 86_400
"""Clients retry for minutes; a day leaves room for one that was offline."""

MEDIA: Final = TableSpec("media", key="{shard:02x}#{media:016x}, 64 shards")
MEDIA_BY_OWNER: Final = TableSpec("media_by_owner", key="{owner:016x}#{media:016x}")
UNSETTLED: Final = TableSpec("media_unsettled", key="{shard:02x}#{media:016x}, 16 shards")
"""What may have to be collected: everything, until a tweet carries it and a day has passed."""
QUARANTINED: Final = TableSpec("media_quarantined", key="{media:016x}")
REQUESTS: Final = TableSpec(
    "media_requests", max_age_s=REQUEST_MAX_AGE_S, key="{owner:016x}#{request id}"
)
OUTBOX: Final = TableSpec("media_outbox", key=OUTBOX_KEY)
TABLES: Final = (MEDIA, MEDIA_BY_OWNER, UNSETTLED, QUARANTINED, REQUESTS, OUTBOX)

MEDIA_EVENTS: Final = "media-events"
PROCESSING: Final = Subscription("media.processing", MEDIA_EVENTS)
TWEETS: Final = Subscription("media.tweets", TWEET_EVENTS)
ERASURE: Final = Subscription("media.erasure", USER_EVENTS)

FOLDER: Final = "media"
"""Of the bytes, within the data folder, where no bucket is set."""
UPLOADS_PATH: Final = "/media/uploads/"
VARIANTS_PATH: Final = "/media/files/"
"""Where this service's listener takes and gives the bytes of that folder."""

SPEC: Final = ServiceSpec(
    name="media",
    summary="pictures: uploaded, looked at, shown, and deleted with their tweets",
    port=50_066,
    http_port=50_067,
    contracts=("aviary.media.v1.MediaService",),
    calls=(
        *LEASE_CALLS,
        *SIGHT_CALLS,
        "aviary.tweet.v1.TweetService/LookupTweets",
        "aviary.user.v1.UserService/LookupUsers",
    ),
    operator_calls=(
        "aviary.media.v1.MediaService/ClearMedia",
        "aviary.media.v1.MediaService/ListQuarantined",
        "aviary.media.v1.MediaService/RemoveMedia",
    ),
    tables=TABLES,
    folders=(FOLDER,),
    # Two processes that make pictures, of 896 MiB at the most, beside its own.
    max_memory="2304Mi",
    topics=MappingProxyType({MEDIA_EVENTS: "Pictures whose bytes have come."}),
    subscriptions=(PROCESSING, TWEETS, ERASURE),
    uses_cache=True,
    secrets=("AVIARY_CURSOR_KEY",),
)
