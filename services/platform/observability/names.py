"""Traces and metrics: the names of all of them. Those of log events are in `log_events`.

Code takes its tracer, meter and logger from the OpenTelemetry API and structlog; only
`services.platform.observability.setup` and `histograms` beside it know the SDK.
"""

from typing import Final

__all__ = [
    "METRIC_AUDIT_EVENTS",
    "METRIC_BUILD_INFO",
    "METRIC_BUS_BACKLOG",
    "METRIC_BUS_DEAD_LETTERS",
    "METRIC_BUS_FAILING",
    "METRIC_BUS_HANDLER_DURATION",
    "METRIC_BUS_MESSAGE_AGE",
    "METRIC_BUS_MESSAGE_ATTEMPTS",
    "METRIC_BUS_PAUSED",
    "METRIC_CACHE_CIRCUIT_OPEN",
    "METRIC_CACHE_CIRCUIT_OPENED",
    "METRIC_CACHE_CIRCUIT_REFUSED",
    "METRIC_CACHE_HITS",
    "METRIC_CACHE_MISSES",
    "METRIC_CERTIFICATE_REMAINING",
    "METRIC_DISK_FREE",
    "METRIC_DRAWING_ABSENT",
    "METRIC_ENGAGEMENT_DRIFT",
    "METRIC_ENGAGEMENT_RECONCILED",
    "METRIC_FANOUT_LAG",
    "METRIC_FANOUT_PLANNED",
    "METRIC_FANOUT_THRESHOLD",
    "METRIC_FLAGS_STALE",
    "METRIC_GRAPH_OUT_OF_ORDER",
    "METRIC_HOT_STORE_UNAVAILABLE",
    "METRIC_ID_LEASE_REMAINING",
    "METRIC_LIMITS_DECISIONS",
    "METRIC_LIMITS_LISTED",
    "METRIC_LIVE_DELAY",
    "METRIC_LIVE_REFUSED",
    "METRIC_LIVE_SENT",
    "METRIC_LIVE_SLOW",
    "METRIC_LIVE_STREAMS",
    "METRIC_LOG_DROPPED",
    "METRIC_LOOP_FAILURES",
    "METRIC_MEDIA_COLLECTED",
    "METRIC_MEDIA_PROCESSED",
    "METRIC_NOTIFICATION_LAG",
    "METRIC_NOT_READY",
    "METRIC_OUTBOX_HELD",
    "METRIC_OUTBOX_SET_ASIDE",
    "METRIC_PROCESS_RESTARTS",
    "METRIC_ROWS_DURATION",
    "METRIC_RPC_CLIENT_DURATION",
    "METRIC_RPC_SERVER_DURATION",
    "METRIC_SEARCH_LAG",
    "METRIC_SEARCH_REBUILT",
    "METRIC_TWEET_SCANNED",
    "METRIC_TWEET_SCAN_LAG",
    "METRIC_VALKEY_DURATION",
    "METRIC_VALKEY_EVICTED",
    "METRIC_VALKEY_MEMORY",
    "SCOPE",
    "SPAN_DELIVERY",
    "SPAN_HTTP",
    "SPAN_OUTBOX_COMMIT",
    "SPAN_PUBLISH",
    "SPAN_ROWS",
    "SPAN_TIMELINE_PUSH",
    "SPAN_VALKEY",
]

# ---- Names. A dashboard or alert depends on each: rename one as carefully as a proto field. ----

SCOPE: Final = "aviary"
"""The instrumentation scope of every tracer and meter."""

# Spans. SERVER and CLIENT spans of an RPC share one name, `package.Service/Method`.
SPAN_HTTP: Final = "{method} {path}"
"""The issuer handles a request over HTTP."""
SPAN_OUTBOX_COMMIT: Final = "outbox commit {topic}"
"""A change and its event are made durable; deliveries of the event continue its trace."""
SPAN_PUBLISH: Final = "publish {topic}"
"""One message is put on the bus, in a batch with those of other traces."""
SPAN_ROWS: Final = "rows {operation} {table}"
"""One call of the row store, within a trace."""
SPAN_DELIVERY: Final = "process {subscription}"
"""A delivery is handled, with `messaging.delivery_attempt`, or a batch of them, with
`messaging.batch.message_count` and links to those who published. Of a batch, each recorded trace
has a span of its own; the calls made for it are in the first one's."""
SPAN_VALKEY: Final = "valkey {operation}"
"""One command or script for Valkey, within a trace, from when it is asked for: it travels with
those of others."""
SPAN_TIMELINE_PUSH: Final = "timeline store push"
"""Tweets go into the persistent and hot timelines of followers."""

# Metrics. Each text begins with the kind and the unit; docs/reference/metrics.md is made of them.
METRIC_RPC_SERVER_DURATION: Final = "rpc.server.duration"
"""Histogram, seconds, by `rpc.method` and `rpc.code`: rate, errors, duration of what we serve."""
METRIC_RPC_CLIENT_DURATION: Final = "rpc.client.duration"
"""Histogram, seconds, by `rpc.method` and `rpc.code`: the same as our callers saw it."""
METRIC_CACHE_CIRCUIT_OPEN: Final = "cache.circuit.open"
"""Gauge, 1 while the cache is taken for gone, else 0."""
METRIC_CACHE_CIRCUIT_OPENED: Final = "cache.circuit.opened"
"""Counter, times the cache was found gone."""
METRIC_CACHE_CIRCUIT_REFUSED: Final = "cache.circuit.refused"
"""Counter, calls not sent because the cache was gone; their callers used the rows."""
METRIC_BUS_BACKLOG: Final = "bus.backlog"
"""Gauge, messages by `subscription`: waiting, in hand and delayed. Every fanout process reports
all of them, so take one, never the sum. Absent where the engine cannot say (Pub/Sub)."""
METRIC_BUS_DEAD_LETTERS: Final = "bus.dead_letters"
"""Gauge, messages by `subscription`: given up and not yet redriven. As `bus.backlog`: reported by
every fanout process, absent where the engine cannot say."""
METRIC_BUS_MESSAGE_AGE: Final = "bus.message.age"
"""Histogram, seconds by `subscription` and `outcome` (acked, retried, outage, called-again, held,
dead-lettered): from the publishing, or the last redrive, to the end of an attempt."""
METRIC_BUS_MESSAGE_ATTEMPTS: Final = "bus.message.attempts"
"""Histogram, attempts by `subscription` and `outcome`; outages and wishes to be called again are
no attempts."""
METRIC_BUS_HANDLER_DURATION: Final = "bus.handler.duration"
"""Histogram, seconds by `subscription` and `outcome`: one attempt; of each message of a batch, the
batch's."""
METRIC_BUS_PAUSED: Final = "bus.paused"
"""Gauge, 1 for a `subscription` that this process consumes and from which it takes nothing, as an
operator has paused it or that is not known yet, else 0."""
METRIC_BUS_FAILING: Final = "bus.failing"
"""Gauge, 1 for a `subscription` of whose last messages most failed in this process, so that it
takes few and gives hardly any up, else 0."""
METRIC_OUTBOX_HELD: Final = "outbox.held"
"""Gauge, entries by `table`: committed by this process and not yet published and settled."""
METRIC_OUTBOX_SET_ASIDE: Final = "outbox.set_aside"
"""Counter, entries by `table`, each time that one failed by itself; it is tried again later."""
METRIC_FANOUT_LAG: Final = "fanout.lag"
"""Histogram, seconds by `stage` (plan, push): from a tweet's creation until its plan was made (its
delivery, with what is pushed in the same step), or a page of its pushes was made. A tweet that is
not pushed, as its author has too many followers or it was deleted before, has none."""
METRIC_FANOUT_PLANNED: Final = "fanout.planned"
"""Counter, tweets by `pushed` (yes; no: too many followers, or deleted before) whose plan was made:
as many as were posted, while the fan-out keeps up."""
METRIC_FANOUT_THRESHOLD: Final = "fanout.threshold"
"""Gauge, followers by `source` (operator, flag, setting): the celebrity threshold in force, T, and
what has set it."""
METRIC_ENGAGEMENT_DRIFT: Final = "engagement.drift"
"""Counter, counts by `kind` (like, retweet, bookmark, reply, quote) that were off when they were
compared with what they count, and were put right."""
METRIC_ENGAGEMENT_RECONCILED: Final = "engagement.reconciled"
"""Counter, tweets whose counts were compared with what they count."""
METRIC_DRAWING_ABSENT: Final = "drawing.absent"
"""Counter, answers by the `part` (counts, viewer, users, referenced; of users: followers,
tweet_counts, pinned; protected and hidden: whether authors are, and nothing of them is shown) that
they lack, as its source failed or was slow."""
METRIC_MEDIA_COLLECTED: Final = "media.collected"
"""Counter, pictures deleted that no tweet carried in time."""
METRIC_MEDIA_PROCESSED: Final = "media.processed"
"""Counter, pictures looked at, by `outcome` (ready, quarantined, or why they were rejected:
unknown_type, other_type, size, too_large, unreadable)."""
METRIC_LOOP_FAILURES: Final = "loop.failures"
"""Counter, steps by `loop` that raised something; each was logged and is tried again."""
METRIC_FLAGS_STALE: Final = "flags.stale"
"""Gauge, 1 while the file of feature flags cannot be used as it is, else 0."""
METRIC_ID_LEASE_REMAINING: Final = "id.lease.remaining"
"""Gauge, seconds until this process may make no more ids; 0 without a lease."""
METRIC_LIMITS_LISTED: Final = "limits.listed"
"""Gauge, names by `list` (revoked_session, revoked_user, revoked_app_key, reputation_user,
reputation_ip): what the gateway sends the edges, 5000 at most. Every gateway process reports all of
them, so take one, never the sum."""
METRIC_LIMITS_DECISIONS: Final = "limits.decisions"
"""Counter, writes that the gateway decided on, by `class` (as in the table of limits) and
`outcome`: allowed, or which budget (burst, sustained) refused it. What an edge refuses by itself is
in `envoy_aviary_answers{code="429"}`."""
METRIC_AUDIT_EVENTS: Final = "audit.events"
"""Counter, entries of the audit log by `event`; one that says how many `times` counts so often.
Log-ins, refused tokens, refusals at the edge and limits hit are among them."""
METRIC_CERTIFICATE_REMAINING: Final = "certificate.remaining"
"""Gauge, seconds until the certificate expires that this process shows, by the `variable` that
names its folder; below 0 for one that has. Behind a sidecar, which shows them, it is absent."""
METRIC_DISK_FREE: Final = "disk.free"
"""Gauge, share by `folder` (data): of the disk which holds that folder, what is free."""
METRIC_BUILD_INFO: Final = "aviary.build_info"
"""Gauge, 1 by `version` (Aviary's) and `python`: what this process runs."""
METRIC_LIVE_STREAMS: Final = "live.streams"
"""Gauge, streams that this process has open."""
METRIC_LIVE_SENT: Final = "live.sent"
"""Counter, events sent by `event` (posted, deleted, changed, reset, beat)."""
METRIC_LIVE_SLOW: Final = "live.slow"
"""Counter, streams ended because their reader took nothing for too long."""
METRIC_LIVE_REFUSED: Final = "live.refused"
"""Counter, streams not opened, by the `limit` (user, process) that was reached."""
METRIC_LIVE_DELAY: Final = "live.delay"
"""Histogram, seconds from a post until it is sent to somebody to whose home timeline it comes.
Those of more than 150 seconds ago, which a reader missed, are not among them."""
METRIC_NOTIFICATION_LAG: Final = "notification.lag"
"""Histogram, seconds from what users are told of (a follow, a like, a tweet that names them) until
they are."""
METRIC_SEARCH_LAG: Final = "search.lag"
"""Histogram, seconds from a tweet's creation until this replica finds it. Tweets that an index has
from being built anew are not among them."""
METRIC_SEARCH_REBUILT: Final = "search.rebuilt"
"""Gauge, share that is done of the index which this replica builds; 1 while it builds none."""
METRIC_ROWS_DURATION: Final = "rows.duration"
"""Histogram, seconds by `engine` (sqlite, bigtable), `operation`, `table` (the first, of many) and
`outcome` (ok, failed): one call of the row store."""
METRIC_TWEET_SCANNED: Final = "tweet.scanned"
"""Counter, tweets whose text was looked at, by `outcome` (clean, quarantined)."""
METRIC_TWEET_SCAN_LAG: Final = "tweet.scan_lag"
"""Histogram, seconds from a tweet's creation until its text was looked at. Those that are looked at
again, with a new list, are not among them."""
METRIC_VALKEY_DURATION: Final = "valkey.duration"
"""Histogram, seconds by `store` (cache, bus) and `outcome` (ok, failed): one script, or those that
one caller sends together."""
METRIC_VALKEY_MEMORY: Final = "valkey.memory"
"""Gauge, share by `store` (cache, bus, nonces) and `evicts` (yes, no: whether it forgets keys when
it is full): memory used, of what it may use; of a cluster, of its fullest node. Every process that
uses a store reports it, so take one, never the sum."""
METRIC_VALKEY_EVICTED: Final = "valkey.evicted"
"""Counter, keys by `store` that it forgot to have room for others, since it started. As
`valkey.memory`: reported by every process that uses it."""
METRIC_CACHE_HITS: Final = "cache.hits"
"""Counter, entries found by `cache` (home, author, tweets, relations, counts)."""
METRIC_CACHE_MISSES: Final = "cache.misses"
"""Counter, entries looked for in vain, by `cache`. A failed look is neither hit nor miss."""
METRIC_NOT_READY: Final = "service.not_ready"
"""Gauge, flag by `requirement`: 1 while this, which the process needs of itself, does not hold."""
METRIC_PROCESS_RESTARTS: Final = "process.restarts"
"""Counter, times that `make run` has started a `process` (a service, an Envoy, a Valkey) again, by
`reason` (ended: by itself; hung: it gave no sign of life, and was ended). Reported by the gateway,
for all; a cluster counts its own."""
METRIC_LOG_DROPPED: Final = "log.dropped"
"""Counter, lines that could not be written into the process's log, and are lost."""
METRIC_GRAPH_OUT_OF_ORDER: Final = "graph.out_of_order"
"""Counter, changes of edges refused because what is stored is dated beyond every id."""
METRIC_HOT_STORE_UNAVAILABLE: Final = "hot_store.unavailable"
"""Counter, calls to the hot store that failed, by `error.type`; their callers used the source."""
