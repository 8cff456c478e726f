"""The fan-out: its workers, and the operators' view of them."""

from aviary.fanout.v1 import fanout_service_pb2

from services.fanout.clients import FollowersClient, TweetClient
from services.fanout.consumers import BusJobs, FanoutConsumers
from services.fanout.control_metrics import observe_controls
from services.fanout.controls import FanoutControls, StoredThreshold
from services.fanout.lag import FanoutLag
from services.fanout.service import FanoutService
from services.fanout.servicer import FanoutServicer
from services.fanout.spec import (
    AUTHOR,
    CELEBRITY_THRESHOLD,
    CLOSE,
    CLOSE_FRIENDS_FIRST,
    FANOUT_CLOSE,
    FANOUT_LEGS,
    FANOUT_REST,
    GRAPH,
    LEGS,
    PLAN,
    REST,
    SPEC,
)
from services.fanout.store import RowControlStore
from services.platform.bus.consumer import Consumer
from services.platform.bus.queue_depths import QueueDepths
from services.platform.composition.dependencies import Dependencies, Served, service_of
from services.platform.flags.reading import Flags
from services.platform.rpc.method_handlers import Servicer
from services.platform.specs import all_subscriptions
from services.timeline.writes import (
    open_backfill,
    open_celebrities,
    open_pushes,
    open_timeline_rows,
)

__all__ = ["build"]


async def build(deps: Dependencies) -> Served:
    """Consume events and jobs, and push into the timeline store."""
    rows = await open_timeline_rows(deps)
    store = RowControlStore(await deps.rows(SPEC.name, SPEC.tables))
    bus, tweets = deps.bus(), await deps.client("tweet", TweetClient)
    flags = await deps.flags()
    threshold = StoredThreshold(
        deps.settings.celebrity_threshold, lambda: flags.number(CELEBRITY_THRESHOLD)
    )
    handlers = FanoutConsumers(
        FanoutService(
            followers=await deps.client("graph", FollowersClient),
            deliveries=tweets,
            tweets=tweets,
            celebrities=open_celebrities(rows),
            jobs=BusJobs(deps.publisher(FANOUT_CLOSE, FANOUT_REST, FANOUT_LEGS)),
            timelines=open_pushes(deps, rows),
            backfill=await open_backfill(deps, rows),
            threshold=threshold,
        ),
        FanoutLag(deps.clock),
    )
    controls = FanoutControls(store, threshold, _consumers(deps, handlers, flags))
    observe_controls(threshold, controls)
    controls.start()
    deps.loops.opened("fan-out controls", controls)
    depths = QueueDepths(bus, all_subscriptions())
    depths.start()
    deps.loops.opened("queue depths", depths)
    return [Servicer(service_of(fanout_service_pb2.DESCRIPTOR), FanoutServicer(bus, controls))]


def _consumers(deps: Dependencies, handlers: FanoutConsumers, flags: Flags) -> dict[str, Consumer]:
    """Consume each subscription, by name."""
    close = deps.consume(CLOSE, handlers.push_page)
    return {
        PLAN.name: deps.consume(PLAN, handlers.plan),
        LEGS.name: deps.consume(LEGS, handlers.plan_on),
        AUTHOR.name: deps.consume(AUTHOR, handlers.tweet_changed),
        GRAPH.name: deps.consume(GRAPH, handlers.relations_changed),
        CLOSE.name: close,
        REST.name: deps.consume(
            REST,
            handlers.push_page,
            yield_to=close,
            yields=lambda: flags.is_on(CLOSE_FRIENDS_FIRST),
        ),
    }
