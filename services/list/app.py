"""The list service."""

from aviary.list.v1 import list_service_pb2

from services.list.clients import TweetClient, UserClient
from services.list.consumers import ListConsumers
from services.list.erasure import ListErasure
from services.list.members import Members
from services.list.service import Lists
from services.list.servicer import ListServicer
from services.list.spec import ERASURE, SPEC
from services.list.store import RowListStore
from services.list.timeline import ListTimelines
from services.platform.composition.dependencies import Dependencies, Served, service_of
from services.platform.drawing.opening import open_drawing
from services.platform.rpc.method_handlers import Servicer
from services.platform.visibility.clients import SightClient

__all__ = ["build"]


async def build(deps: Dependencies) -> Served:
    """Keep lists in rows; merge what their members post when that is read."""
    store = RowListStore(await deps.rows(SPEC.name, SPEC.tables))
    users = await deps.client("user", UserClient)
    lists = Lists(store, users, await deps.ids())
    members = Members(store, lists, users)
    tweets = await deps.client("tweet", TweetClient)
    timelines = ListTimelines(lists, tweets, await deps.client("graph", SightClient))
    consumers = ListConsumers(ListErasure(store, lists, users))
    await deps.consume(ERASURE, consumers.user_deleted)
    servicer = ListServicer(
        lists, members, timelines, cursors=deps.cursors(), drawing=await open_drawing(deps)
    )
    return [Servicer(service_of(list_service_pb2.DESCRIPTOR), servicer)]
