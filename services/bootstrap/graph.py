"""The graph service."""

from aviary.graph.v1 import graph_service_pb2

from services.bootstrap.parts import Parts, Served, service_of
from services.bus.events import GraphEvents
from services.graph.blocks import Blocks
from services.graph.changes import Changes
from services.graph.erasure import SETTLE_MS, Erasure
from services.graph.follows import Follows
from services.graph.handlers import GraphHandlers
from services.graph.reads import Reads
from services.graph.servicer import GraphServicer
from services.rpc.handlers import Servicer
from services.settling import Settling
from services.storage import graph as tables

__all__ = ["build"]


async def build(parts: Parts) -> Served:
    """Keep edges in rows, with an outbox, and remove those of deleted users."""
    rows = await parts.rows("graph", [*tables.TABLES, tables.OUTBOX])
    store = tables.RowGraphStore(rows, await parts.outbox(rows, tables.OUTBOX))
    users, events = await parts.users(), GraphEvents()
    changes = Changes(store, await parts.ids("graph"))
    erasure = Erasure(store, changes, events, Settling(SETTLE_MS, parts.clock))
    handlers = GraphHandlers(erasure, users)
    parts.consume(parts.bus(), "graph.erasure", handlers.user_deleted)
    servicer = GraphServicer(
        Follows(changes, users, events),
        Blocks(changes, users, events),
        Reads(store, users),
        parts.cursors(),
    )
    return [Servicer(service_of(graph_service_pb2.DESCRIPTOR), servicer)]
