"""The fan-out: its workers, and the operators' view of them."""

from aviary.fanout.v1 import fanout_service_pb2

from services.bootstrap.flags import open_flags
from services.bootstrap.parts import Parts, Served, service_of
from services.bus.consumer import Consumer
from services.bus.port import BusDriver
from services.bus.queue_depths import QueueDepths
from services.bus.topology import SUBSCRIPTIONS
from services.bus.tracing import TracedPublisher
from services.fanout.control_metrics import observe_controls
from services.fanout.controls import FanoutControls, StoredThreshold
from services.fanout.handlers import BusJobs, FanoutHandlers
from services.fanout.lag import FanoutLag
from services.fanout.service import FanoutService
from services.fanout.servicer import FanoutServicer
from services.flags.declared import CELEBRITY_THRESHOLD, CLOSE_FRIENDS_FIRST
from services.flags.reading import Flags
from services.rpc.handlers import Servicer
from services.storage import timelines as tables
from services.storage.fanout_controls import CONTROLS, RowControlStore
from services.timeline.backfill import Backfill

__all__ = ["build"]


async def build(parts: Parts) -> Served:
    """Consume events and jobs, and push into the timeline store."""
    rows = await parts.rows("timeline", tables.TABLES)
    store = RowControlStore(await parts.rows("fanout", [CONTROLS]))
    bus, graph, tweets = parts.bus(), await parts.graph(), await parts.tweets()
    homes = tables.RowHomeTimelines(rows, parts.clock)
    flags = await open_flags(parts.settings.flags_file, parts.loops)
    threshold = StoredThreshold(
        parts.settings.celebrity_threshold, lambda: flags.number(CELEBRITY_THRESHOLD)
    )
    handlers = FanoutHandlers(
        FanoutService(
            followers=graph,
            deliveries=tweets,
            tweets=tweets,
            celebrities=tables.RowCelebrities(rows),
            jobs=BusJobs(TracedPublisher(bus)),
            timelines=parts.pushes(rows),
            backfill=Backfill(homes, tweets, graph, parts.clock),
            threshold=threshold,
        ),
        FanoutLag(parts.clock),
    )
    controls = FanoutControls(store, threshold, _consumers(parts, bus, handlers, flags))
    observe_controls(threshold, controls)
    controls.start()
    parts.loops.opened("fan-out controls", controls)
    depths = QueueDepths(bus, SUBSCRIPTIONS)
    depths.start()
    parts.loops.opened("queue depths", depths)
    return [Servicer(service_of(fanout_service_pb2.DESCRIPTOR), FanoutServicer(bus, controls))]


def _consumers(
    parts: Parts, bus: BusDriver, handlers: FanoutHandlers, flags: Flags
) -> dict[str, Consumer]:
    """Consume each subscription, by name."""
    close = parts.consume(bus, "fanout.close", handlers.push_page)
    return {
        "fanout.plan": parts.consume(bus, "fanout.plan", handlers.plan),
        "fanout.legs": parts.consume(bus, "fanout.legs", handlers.plan_on),
        "fanout.author": parts.consume(bus, "fanout.author", handlers.tweet_changed),
        "fanout.graph": parts.consume(bus, "fanout.graph", handlers.relations_changed),
        "fanout.close": close,
        "fanout.rest": parts.consume(
            bus,
            "fanout.rest",
            handlers.push_page,
            yield_to=close,
            yields=lambda: flags.is_on(CLOSE_FRIENDS_FIRST),
        ),
    }
