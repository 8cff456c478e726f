"""The graph service."""

from aviary.graph.v1 import graph_service_pb2, muted_word_service_pb2

from services.graph.audiences import Audiences
from services.graph.blocks import Blocks
from services.graph.changes import Changes
from services.graph.clients import UserClient
from services.graph.consumers import GraphConsumers
from services.graph.counting import FollowingCounts
from services.graph.erasure import SETTLE_MS, GraphErasure
from services.graph.events import GraphEvents
from services.graph.follow_limit import FollowLimit
from services.graph.follows import Follows
from services.graph.joined_users import JoinedUsers
from services.graph.muted_word_rows import RowMutedWords
from services.graph.muted_word_servicer import MutedWordServicer
from services.graph.muted_words import MutedWordLists
from services.graph.reads import Reads
from services.graph.relation_reads import RelationReads
from services.graph.requests import FollowRequests
from services.graph.servicer import GraphServicer
from services.graph.sights import Sights
from services.graph.spec import ERASURE, GRAPH_EVENTS, OUTBOX, SPEC
from services.graph.store import RowGraphStore
from services.platform.composition.dependencies import Dependencies, Served, service_of
from services.platform.erasure import Settling
from services.platform.ids.known_ids import KnownIds
from services.platform.rpc.method_handlers import Servicer
from services.platform.valkey.announcements import AnnouncementListener
from services.timeline.writes import open_stale_relations
from services.user.spec import GONE

__all__ = ["build"]


async def build(deps: Dependencies) -> Served:
    """Keep edges in rows, with an outbox, and remove those of deleted users.

    What readers of timelines have cached of a change is forgotten before it is answered.
    """
    rows = await deps.rows(SPEC.name, SPEC.tables)
    outbox = await deps.outbox(rows, OUTBOX, GRAPH_EVENTS)
    store = RowGraphStore(rows, outbox, deps.clock)
    limit = FollowLimit(store, deps.settings.max_followed)
    users, events = await deps.client("user", UserClient), GraphEvents()
    known = KnownIds(JoinedUsers(users).missing)
    await deps.loops.opened("gone users", AnnouncementListener(deps.valkey_nodes(), GONE, known))
    ids, words = await deps.ids(), RowMutedWords(rows)
    changes = Changes(store, ids, await open_stale_relations(deps), events)
    erasure = GraphErasure(store, changes, events, Settling(SETTLE_MS, deps.clock), words)
    consumers = GraphConsumers(erasure, users)
    await deps.consume(ERASURE, consumers.user_deleted)
    lists = MutedWordLists(words, store, changes, known, events, ids=ids, clock=deps.clock)
    counts = FollowingCounts(store)
    servicer = GraphServicer(
        Follows(changes, known, events, store, limit),
        Blocks(changes, known, events),
        Reads(store, users, known, counts),
        Audiences(store),
        deps.cursors(),
        relations=RelationReads(store, counts, deps.settings.max_hidden_listed),
        requests=FollowRequests(changes, store, known, events, limit),
        sights=Sights(store),
        muted_words=lists,
    )
    return [
        Servicer(service_of(graph_service_pb2.DESCRIPTOR), servicer),
        Servicer(service_of(muted_word_service_pb2.DESCRIPTOR), MutedWordServicer(lists)),
    ]
