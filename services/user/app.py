"""The user service."""

from aviary.user.v1 import user_service_pb2

from services.platform.composition.dependencies import Dependencies, Served, service_of
from services.platform.drawing.channels import USER_CHANGED
from services.platform.drawing.outage import PATIENCE_S
from services.platform.rpc.method_handlers import Servicer
from services.platform.valkey.announcements import announce
from services.user.clients import GraphClient, TweetClient
from services.user.counting import Counting
from services.user.events import UserEvents
from services.user.former_handles import FormerHandles
from services.user.name_index import NameIndex
from services.user.name_rows import RowNames
from services.user.pinning import Pinning
from services.user.service import UserService
from services.user.servicer import UserServicer
from services.user.spec import GONE, OUTBOX, SPEC, USER_EVENTS
from services.user.store import RowUserStore

__all__ = ["build"]


async def build(deps: Dependencies) -> Served:
    """Keep accounts in rows, with an outbox."""
    rows = await deps.rows(SPEC.name, SPEC.tables)
    store = RowUserStore(rows, await deps.outbox(rows, OUTBOX, USER_EVENTS))
    valkey = deps.valkey()

    async def announce_gone(user_id: int) -> None:
        await announce(valkey, GONE, user_id)
        await announce_changed(user_id)

    async def announce_changed(user_id: int) -> None:
        await announce(valkey, USER_CHANGED, user_id)

    names = NameIndex(RowNames(rows), store)
    service = UserService(
        store,
        await deps.ids(),
        UserEvents(),
        deps.clock,
        announce_gone,
        announce_changed=announce_changed,
        former=FormerHandles(deps.settings.handle_hold_days),
        names=names,
        protection=await deps.client("graph", GraphClient),
    )
    graph = await deps.client("graph", GraphClient, timeout_s=PATIENCE_S)
    tweets = await deps.client("tweet", TweetClient, timeout_s=PATIENCE_S)
    pinning = Pinning(store, await deps.client("tweet", TweetClient))
    servicer = UserServicer(service, names, Counting(graph, tweets), pinning, deps.cursors())
    return [Servicer(service_of(user_service_pb2.DESCRIPTOR), servicer)]
