"""The user service."""

from aviary.user.v1 import user_service_pb2

from services.bootstrap.parts import Parts, Served, service_of
from services.bus.events import UserEvents
from services.rpc.handlers import Servicer
from services.storage import users as tables
from services.user.service import UserService
from services.user.servicer import UserServicer

__all__ = ["build"]


async def build(parts: Parts) -> Served:
    """Keep accounts in rows, with an outbox."""
    rows = await parts.rows("user", [*tables.TABLES, tables.OUTBOX])
    store = tables.RowUserStore(rows, await parts.outbox(rows, tables.OUTBOX))
    service = UserService(store, await parts.ids("user"), UserEvents(), parts.clock)
    return [Servicer(service_of(user_service_pb2.DESCRIPTOR), UserServicer(service))]
