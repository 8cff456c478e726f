"""Alerts about tweets, messages and outboxes that are late or stuck."""

from services.platform.observability import names
from tools.observability import queries
from tools.observability.alerts.rule import Rule, alert
from tools.observability.series import series

__all__ = ["fanout_alerts"]


def fanout_alerts() -> list[Rule]:
    """Tweets, messages and outboxes that are late or stuck."""
    backlog, dead = series(names.METRIC_BUS_BACKLOG), series(names.METRIC_BUS_DEAD_LETTERS)
    return [
        alert(
            "FanoutLag",
            'fanout:lag_seconds:p99_rate5m{stage="push"} > 60',
            "page",
            "Tweets reach home timelines late",
            "One in a hundred pages of pushes is {{ $value | humanizeDuration }} late.",
            wait="10m",
        ),
        alert(
            "SearchLag",
            f"{queries.SEARCH_LAG} > 60",
            "ticket",
            "Tweets are found late",
            "One in a hundred is found {{ $value | humanizeDuration }} after its post.",
            wait="10m",
        ),
        alert(
            "NotificationLag",
            "notification:lag_seconds:p99_rate5m > 60",
            "ticket",
            "Users are told late",
            "One in a hundred notifications is {{ $value | humanizeDuration }} late.",
            wait="10m",
        ),
        alert(
            "TweetScanLag",
            f"{queries.SCAN_LAG} > 60",
            "ticket",
            "What tweets say is looked at late",
            "One in a hundred is shown {{ $value | humanizeDuration }} before it is looked at.",
            wait="10m",
        ),
        alert(
            "LiveLate",
            f"{queries.LIVE_DELAY} > 10",
            "ticket",
            "Streams tell late what is new",
            "One in a hundred tweets is sent {{ $value | humanizeDuration }} after its post.",
            wait="10m",
        ),
        alert(
            "BacklogGrows",
            f"max by (subscription) (deriv({backlog}[15m])) > 0"
            f" and max by (subscription) ({backlog}) > 1000",
            "ticket",
            "{{ $labels.subscription }} falls behind",
            "It has grown for a quarter of an hour, by {{ $value | humanize }} messages a second.",
            wait="15m",
        ),
        alert(
            "DeadLetters",
            f"max by (subscription) ({dead}) > 0",
            "ticket",
            "{{ $labels.subscription }} has given messages up",
            "{{ $value }} dead letters wait for somebody to look at them and redrive them.",
            wait="5m",
        ),
        alert(
            "ConsumerFails",
            f"max by (job, subscription) ({series(names.METRIC_BUS_FAILING)}) == 1",
            "page",
            "{{ $labels.job }} fails at {{ $labels.subscription }}",
            "Most of the last messages failed, so it takes few: nothing is lost, and nothing done.",
            wait="2m",
        ),
        alert(
            "QueuePaused",
            f"max by (subscription) ({series(names.METRIC_BUS_PAUSED)}) == 1",
            "ticket",
            "{{ $labels.subscription }} is still paused",
            "Somebody paused it more than an hour ago, or its consumers cannot read the pauses.",
            wait="1h",
        ),
        alert(
            "OutboxHeld",
            f"max by (job, table) ({series(names.METRIC_OUTBOX_HELD)}) > 1000",
            "page",
            "{{ $labels.job }} cannot publish",
            "{{ $value }} entries of {{ $labels.table }} are committed and not on the bus.",
            wait="5m",
        ),
        alert(
            "OutboxSetAside",
            f"sum by (job, table) (increase({series(names.METRIC_OUTBOX_SET_ASIDE)}[10m])) > 0",
            "ticket",
            "{{ $labels.job }} has a message that cannot be published",
            "It is tried again every minute, and holds up no other of {{ $labels.table }}.",
            wait="5m",
        ),
    ]
