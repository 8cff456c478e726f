"""The fan-out: its workers, and what operators call."""

from aviary.fanout.v1 import fanout_service_pb2
from aviary.queue.v1 import queue_service_pb2

from services.fanout.audiences import Audiences
from services.fanout.clients import FollowersClient, TweetClient
from services.fanout.consumers import FanoutConsumers
from services.fanout.jobs import BusJobs, holding
from services.fanout.lag import FanoutLag
from services.fanout.planning import Planning
from services.fanout.service import FanoutService
from services.fanout.servicer import FanoutServicer
from services.fanout.spec import (
    AUTHOR,
    CELEBRITY_THRESHOLD,
    CLOSE,
    CLOSE_FRIENDS_FIRST,
    CONTINUATIONS,
    FANOUT_CLOSE,
    FANOUT_CONTINUATIONS,
    FANOUT_REST,
    GRAPH,
    PLAN,
    REST,
    SPEC,
)
from services.fanout.store import RowThresholdStore
from services.fanout.threshold import OperatedThreshold
from services.fanout.threshold_metrics import observe_threshold
from services.platform.bus.batch_consumer import Batches
from services.platform.bus.port import BusDriver
from services.platform.bus.queue_depths import QueueDepths
from services.platform.composition.dependencies import Dependencies, Served, service_of
from services.platform.composition.outboxes import all_outboxes
from services.platform.flags.reading import Flags
from services.platform.queues.pauses import Pauses
from services.platform.queues.ports import DeadLetters
from services.platform.queues.service import Queues
from services.platform.queues.servicer import QueueServicer
from services.platform.rpc.method_handlers import Servicer
from services.platform.specs import all_subscriptions
from services.platform.visibility.clients import SightClient
from services.timeline.writes import (
    open_backfill,
    open_celebrities,
    open_pushes,
    open_timeline_rows,
)

__all__ = ["build"]

TWEETS_AT_ONCE = 400
"""Tweets planned together where many wait; see `PUSHES_AT_ONCE`."""
GRAPH_EVERY_S = 0.05
"""Between two batches of changes of the graph, in seconds. Each costs a read of timelines, a call
for the authors' tweets and three round trips more, whether it has one follow or a hundred; readers
were told of the change before it was answered, and wait for the older tweets alone."""
PAGES_AT_ONCE = 10
"""Pages of up to 1000 followers pushed together: a tenth of a second of work, for which a page to
close friends that comes meanwhile has to wait."""


async def build(deps: Dependencies) -> Served:
    """Consume events and jobs, push into the timeline store, and answer operators."""
    rows = await open_timeline_rows(deps)
    bus = deps.bus()
    tweets = await deps.client("tweet", TweetClient)
    flags = await deps.flags()
    threshold = OperatedThreshold(
        RowThresholdStore(await deps.rows(SPEC.name, SPEC.tables)),
        deps.settings.celebrity_threshold,
        lambda: flags.number(CELEBRITY_THRESHOLD),
    )
    observe_threshold(threshold)
    await deps.loops.opened("threshold", threshold)
    lag, timelines, pauses = FanoutLag(deps.clock), open_pushes(deps, rows), await deps.pauses()
    jobs = BusJobs(deps.publisher(FANOUT_CLOSE, FANOUT_REST, FANOUT_CONTINUATIONS))
    held = holding(pauses.is_paused)
    handlers = FanoutConsumers(
        Planning(
            followers=await deps.client("graph", FollowersClient),
            deliveries=tweets,
            celebrities=open_celebrities(rows),
            jobs=jobs,
            timelines=timelines,
            threshold=threshold,
            lag=lag,
            held=held,
        ),
        FanoutService(
            tweets=tweets, timelines=timelines, backfill=await open_backfill(deps, rows), lag=lag
        ),
        Audiences(
            sights=await deps.client("graph", SightClient),
            jobs=jobs,
            timelines=timelines,
            lag=lag,
            held=held,
        ),
    )
    await _consume(deps, handlers, flags)
    await deps.loops.opened("queue depths", QueueDepths(bus, all_subscriptions()))
    return _operated(bus, pauses, deps.refused(), threshold)


def _operated(
    bus: BusDriver, pauses: Pauses, refused: DeadLetters, threshold: OperatedThreshold
) -> Served:
    """Serve operators: the queues of all services, and the threshold."""
    names = [each.name for each in all_subscriptions()]
    queues = Queues(bus, pauses, names, refused, all_outboxes())
    own = Queues(bus, pauses, [each.name for each in SPEC.subscriptions])
    return [
        Servicer(service_of(fanout_service_pb2.DESCRIPTOR), FanoutServicer(threshold, queues, own)),
        Servicer(service_of(queue_service_pb2.DESCRIPTOR), QueueServicer(queues)),
    ]


async def _consume(deps: Dependencies, handlers: FanoutConsumers, flags: Flags) -> None:
    # Followers wait for what is planned and pushed: it is handled as it comes.
    tweets, pages = Batches(TWEETS_AT_ONCE, every_s=0.0), Batches(PAGES_AT_ONCE, every_s=0.0)
    await deps.consume_batches(PLAN, handlers.plan, tweets)
    await deps.consume_batches(AUTHOR, handlers.tweets_changed)
    await deps.consume_batches(GRAPH, handlers.relations_changed, Batches(every_s=GRAPH_EVERY_S))
    await deps.consume(CONTINUATIONS, handlers.plan_on)
    close = await deps.consume_batches(CLOSE, handlers.push_pages, pages)
    await deps.consume_batches(
        REST,
        handlers.push_pages,
        pages,
        yield_to=close,
        yields=lambda: flags.is_on(CLOSE_FRIENDS_FIRST),
    )
