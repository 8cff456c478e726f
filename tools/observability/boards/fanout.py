"""The dashboard of the way from a tweet to home timelines."""

from typing import Final

from services.platform.observability import names
from tools.observability.panels import Board, Panel, Query, Row, W
from tools.observability.queries import quantile, rate_by
from tools.observability.series import series

__all__ = ["BOARD"]

AGE: Final = series(names.METRIC_BUS_MESSAGE_AGE)
ATTEMPTS: Final = series(names.METRIC_BUS_MESSAGE_ATTEMPTS)
HANDLER: Final = series(names.METRIC_BUS_HANDLER_DURATION)
LAG: Final = series(names.METRIC_FANOUT_LAG)
FOUND: Final = series(names.METRIC_SEARCH_LAG)
SCANNED: Final = series(names.METRIC_TWEET_SCAN_LAG)
STREAMED: Final = series(names.METRIC_LIVE_DELAY)
TOLD: Final = series(names.METRIC_NOTIFICATION_LAG)


def _by_subscription(name: str, title: str, description: str) -> Panel:
    gauge = series(name)
    # Every fanout process reports all of them.
    query = Query(f"max by (subscription) ({gauge})", "{{subscription}}")
    return Panel(title=title, description=description, queries=[query])


BOARD: Final = Board(
    uid="aviary-fanout",
    title="Aviary: fan-out",
    description="The way of a tweet from its creation to home timelines, and what is in its way.",
    rows=[
        Row(
            "How late tweets are",
            [
                Panel(
                    title="Lag",
                    description="From a tweet's creation until it was planned, or a page pushed.",
                    unit="s",
                    queries=[
                        Query(quantile(share, "stage", LAG, W), f"{{{{stage}}}} p{share * 100:g}")
                        for share in (0.5, 0.99)
                    ],
                ),
                Panel(
                    title="Age of messages, 99 of 100",
                    description="From the publishing to the end of an attempt, by subscription.",
                    unit="s",
                    queries=[Query(quantile(0.99, "subscription", AGE, W), "{{subscription}}")],
                ),
                Panel(
                    title="Notifications",
                    description="From a follow, a like or a tweet until whom it is about is told.",
                    unit="s",
                    queries=[
                        Query(quantile(share, "job", TOLD, W), f"p{share * 100:g}")
                        for share in (0.5, 0.99)
                    ],
                ),
                Panel(
                    title="Texts scanned",
                    description="From a tweet's creation until its URLs were looked at.",
                    unit="s",
                    queries=[
                        Query(quantile(share, "job", SCANNED, W), f"p{share * 100:g}")
                        for share in (0.5, 0.99)
                    ],
                ),
                Panel(
                    title="Pages pushed",
                    description="A second; a page is up to a thousand followers.",
                    queries=[Query(rate_by("stage", f"{LAG}_count", W), "{{stage}}")],
                ),
            ],
        ),
        Row(
            "Search",
            [
                Panel(
                    title="Found after",
                    description="From a tweet's creation until a replica finds it.",
                    unit="s",
                    queries=[
                        Query(quantile(share, "job", FOUND, W), f"p{share * 100:g}")
                        for share in (0.5, 0.99)
                    ],
                ),
                Panel(
                    title="Tweets found anew",
                    description="A second, by replica.",
                    queries=[Query(rate_by("instance", f"{FOUND}_count", W), "{{instance}}")],
                ),
                Panel(
                    title="Indexes being built",
                    description="What is done of each; 1 while none is.",
                    queries=[
                        Query(
                            f"min by (instance) ({series(names.METRIC_SEARCH_REBUILT)})",
                            "{{instance}}",
                        )
                    ],
                ),
            ],
        ),
        Row(
            "Queues",
            [
                _by_subscription(
                    names.METRIC_BUS_BACKLOG,
                    "Waiting",
                    "Messages queued, in hand and delayed. On Pub/Sub only the cloud knows.",
                ),
                _by_subscription(
                    names.METRIC_BUS_DEAD_LETTERS,
                    "Dead letters",
                    "Messages given up, until they are redriven.",
                ),
                Panel(
                    title="Outboxes",
                    description="Entries committed and not yet published.",
                    queries=[
                        Query(f"sum by (table) ({series(names.METRIC_OUTBOX_HELD)})", "{{table}}")
                    ],
                ),
            ],
        ),
        Row(
            "Handlers",
            [
                Panel(
                    title="Duration, 99 of 100",
                    description="One attempt, by subscription.",
                    unit="s",
                    queries=[Query(quantile(0.99, "subscription", HANDLER, W), "{{subscription}}")],
                ),
                Panel(
                    title="Outcomes",
                    description="Attempts a second, by how they ended.",
                    queries=[Query(rate_by("outcome", f"{HANDLER}_count", W), "{{outcome}}")],
                ),
                Panel(
                    title="Attempts of a message, 99 of 100",
                    description="One when all is well.",
                    queries=[
                        Query(quantile(0.99, "subscription", ATTEMPTS, W), "{{subscription}}")
                    ],
                ),
            ],
        ),
        Row(
            "Streams",
            [
                Panel(
                    title="Open",
                    description="Streams of home timelines, by process.",
                    queries=[Query(series(names.METRIC_LIVE_STREAMS), "{{instance}}")],
                ),
                Panel(
                    title="From post to stream",
                    description="From a post until it is sent to somebody who is connected.",
                    unit="s",
                    queries=[
                        Query(quantile(share, "job", STREAMED, W), f"p{share * 100:g}")
                        for share in (0.5, 0.99)
                    ],
                ),
                Panel(
                    title="Events",
                    description="Sent a second, by kind.",
                    queries=[
                        Query(rate_by("event", series(names.METRIC_LIVE_SENT), W), "{{event}}")
                    ],
                ),
                Panel(
                    title="Refused, and ended as too slow",
                    description="Streams a second.",
                    queries=[
                        Query(rate_by("limit", series(names.METRIC_LIVE_REFUSED), W), "{{limit}}"),
                        Query(rate_by("job", series(names.METRIC_LIVE_SLOW), W), "slow"),
                    ],
                ),
            ],
        ),
        Row(
            "Controls",
            [
                Panel(
                    title="T",
                    description="The celebrity threshold in force, and what has set it.",
                    kind="stat",
                    queries=[
                        Query(
                            f"max by (source) ({series(names.METRIC_FANOUT_THRESHOLD)})",
                            "{{source}}",
                        )
                    ],
                ),
                _by_subscription(names.METRIC_BUS_PAUSED, "Paused", "1: nothing is taken from it."),
                _by_subscription(
                    names.METRIC_BUS_FAILING, "Failing", "1: most of it fails, little is taken."
                ),
                Panel(
                    title="Flags that cannot be read",
                    description="1: the file of flags is missing or wrong, the old ones hold.",
                    queries=[
                        Query(f"max by (job) ({series(names.METRIC_FLAGS_STALE)})", "{{job}}")
                    ],
                ),
            ],
        ),
    ],
)
