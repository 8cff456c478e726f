"""How a service that answers with tweets gets what it adds to them."""

from services.platform.composition.dependencies import Dependencies
from services.platform.drawing.channels import COUNTED, USER_CHANGED
from services.platform.drawing.clients import (
    EngagementClient,
    ReferencedTweetClient,
    UserPieceClient,
)
from services.platform.drawing.drawing import Drawing
from services.platform.drawing.figures import SETTLE_S, Figures
from services.platform.drawing.heard_values import HeardValues
from services.platform.drawing.looked_up import LookedUp
from services.platform.drawing.outage import PATIENCE_S
from services.platform.drawing.pieces import UNKNOWN_COUNTS, TweetPieces
from services.platform.drawing.ports import Counts, EngagedTweets, ReferencedTweets, UserPiece
from services.platform.drawing.viewers import CachedViewers
from services.platform.valkey.announcements import AnnouncementListener
from services.platform.visibility.clients import SightClient

__all__ = ["open_drawing"]


async def open_drawing(
    deps: Dependencies,
    *,
    counts: Counts | None = None,
    engaged: EngagedTweets | None = None,
    referenced: ReferencedTweets | None = None,
) -> Drawing:
    """Open it, with calls of siblings for what is not given; they are in `drawing_calls`."""
    if counts is None or engaged is None:
        client = await deps.client("engagement", EngagementClient, timeout_s=PATIENCE_S)
        counts, engaged = counts or client, engaged or client
    if referenced is None:
        referenced = await deps.client("tweet", ReferencedTweetClient, timeout_s=PATIENCE_S)
    users = await deps.client("user", UserPieceClient, timeout_s=PATIENCE_S)
    sights = await deps.client("graph", SightClient, timeout_s=PATIENCE_S)
    kept_counts = HeardValues[TweetPieces](settle_s=SETTLE_S)
    kept_users = HeardValues[UserPiece]()
    for name, channel, kept in (
        ("counts", COUNTED, kept_counts),
        ("changed users", USER_CHANGED, kept_users),
    ):
        await deps.loops.opened(name, AnnouncementListener(deps.valkey_nodes(), channel, kept))
    return Drawing(
        Figures(LookedUp(kept_counts, counts.counts, UNKNOWN_COUNTS), CachedViewers(engaged)),
        LookedUp(kept_users, users.users, UserPiece()),
        users,
        referenced,
        sights,
    )
