"""The notification service."""

from aviary.notification.v1 import notification_service_pb2

from services.notification.clients import GraphClient, TweetClient, UserClient
from services.notification.consumers import NotificationConsumers
from services.notification.erasure import Erasure
from services.notification.group_store import RowGroups
from services.notification.lag import NotificationLag
from services.notification.reading import Reading
from services.notification.recording import Recording, Stores
from services.notification.servicer import NotificationServicer
from services.notification.spec import ENGAGEMENT, ERASURE, GRAPH, SPEC, TWEETS
from services.notification.store import RowEntries
from services.platform.composition.dependencies import Dependencies, Served, service_of
from services.platform.ids.known_ids import KnownIds
from services.platform.rpc.method_handlers import Servicer
from services.platform.valkey.announcements import AnnouncementListener
from services.platform.visibility.clients import SightClient
from services.user.spec import GONE

__all__ = ["build"]


async def build(deps: Dependencies) -> Served:
    """Keep lists of notifications in rows, fed from the bus."""
    rows = await deps.rows(SPEC.name, SPEC.tables)
    stores = Stores(RowEntries(rows), RowGroups(rows, deps.clock))
    tweets = await deps.client("tweet", TweetClient)
    users = await deps.client("user", UserClient)
    graph = await deps.client("graph", GraphClient)
    known = KnownIds(users.missing)
    await deps.loops.opened("gone users", AnnouncementListener(deps.valkey_nodes(), GONE, known))
    erasure = Erasure(stores.entries, users)
    sights = await deps.client("graph", SightClient)
    recording = Recording(
        stores,
        tweets,
        users,
        graph,
        erasure,
        clock=deps.clock,
        lag=NotificationLag(deps.clock),
        sights=sights,
    )
    consumers = NotificationConsumers(recording, erasure)
    await deps.consume_batches(TWEETS, consumers.tweets_changed)
    await deps.consume_batches(GRAPH, consumers.graph_changed)
    await deps.consume_batches(ENGAGEMENT, consumers.engaged)
    await deps.consume(ERASURE, consumers.user_deleted)
    reading = Reading(
        stores.entries,
        stores.groups,
        tweets,
        users,
        graph,
        known=known,
        clock=deps.clock,
        sights=sights,
    )
    servicer = NotificationServicer(reading, deps.cursors())
    return [Servicer(service_of(notification_service_pb2.DESCRIPTOR), servicer)]
