"""Logs, traces and metrics: the names of all of them.

Code takes its tracer, meter and logger from the OpenTelemetry API and structlog; only
`services.platform.observability.setup` knows the SDK.
"""

from typing import Final

__all__ = [
    "EVENT_AUDIT_DENIALS_UNREAD",
    "EVENT_AUDIT_DISPLACED",
    "EVENT_AUDIT_UNWRITTEN",
    "EVENT_BUS_ACK_FAILED",
    "EVENT_BUS_ATTEMPT_FAILED",
    "EVENT_BUS_CALL_AGAIN",
    "EVENT_BUS_DEAD_LETTER",
    "EVENT_BUS_DECLARE_FAILED",
    "EVENT_BUS_PAUSES_CHANGED",
    "EVENT_BUS_RECEIVE_FAILED",
    "EVENT_BUS_RECEIVE_RECOVERED",
    "EVENT_BUS_SETTLE_FAILED",
    "EVENT_CACHE_CIRCUIT_CLOSED",
    "EVENT_CACHE_CIRCUIT_OPENED",
    "EVENT_CACHE_DAMAGED",
    "EVENT_CACHE_UNAVAILABLE",
    "EVENT_CELEBRITIES_STALE",
    "EVENT_DELETIONS_UNHEARD",
    "EVENT_ERASURE_REFUSED",
    "EVENT_FANOUT_THRESHOLD_CHANGED",
    "EVENT_FANOUT_TWEET_GONE",
    "EVENT_FLAGS_CHANGED",
    "EVENT_FLAGS_REFUSED",
    "EVENT_GRAPH_COUNT_OFF",
    "EVENT_GRAPH_OUT_OF_ORDER",
    "EVENT_IDENTITY_KEYS_STALE",
    "EVENT_IDENTITY_REVOCATIONS_UNSENT",
    "EVENT_IDENTITY_SIGN_UP_STUCK",
    "EVENT_ID_LEASE_FAILED",
    "EVENT_ID_LEASE_MISSING",
    "EVENT_LIMITS_FEED_REFUSED",
    "EVENT_LIMITS_LIST_FULL",
    "EVENT_LIMITS_SIGNALS_LOST",
    "EVENT_LOG_DROPPED",
    "EVENT_LOOP_FAILED",
    "EVENT_LOOP_RECOVERED",
    "EVENT_NOT_READY",
    "EVENT_OUTBOX_ATTEMPT_FAILED",
    "EVENT_OUTBOX_ROW_UNREADABLE",
    "EVENT_OUTBOX_SET_ASIDE",
    "EVENT_READY",
    "EVENT_ROWS_GARBAGE_COLLECTED",
    "EVENT_ROWS_GARBAGE_FAILED",
    "EVENT_ROWS_UNREADABLE",
    "EVENT_RPC_DENIED",
    "EVENT_RPC_DRAINED",
    "EVENT_RPC_HANDLED",
    "EVENT_RPC_LISTENING",
    "EVENT_RPC_UNKNOWN_ERROR",
    "EVENT_SECRET_FAILED",
    "EVENT_SECRET_RELOADED",
    "EVENT_SERVING",
    "EVENT_SIGNING_KEYS_FAILED",
    "EVENT_SIGNING_KEYS_RELOADED",
    "EVENT_SIGNING_NONCES_EVICTED",
    "EVENT_TLS_RELOADED",
    "EVENT_TLS_RELOAD_FAILED",
    "EVENT_TWEET_OWN_TIMELINE_FAILED",
    "EVENT_USER_TIDYING_FAILED",
    "METRIC_AUDIT_EVENTS",
    "METRIC_BUILD_INFO",
    "METRIC_BUS_BACKLOG",
    "METRIC_BUS_DEAD_LETTERS",
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
    "METRIC_FANOUT_LAG",
    "METRIC_FANOUT_PLANNED",
    "METRIC_FANOUT_THRESHOLD",
    "METRIC_FLAGS_STALE",
    "METRIC_GRAPH_OUT_OF_ORDER",
    "METRIC_HOT_STORE_UNAVAILABLE",
    "METRIC_ID_LEASE_REMAINING",
    "METRIC_LIMITS_DECISIONS",
    "METRIC_LIMITS_LISTED",
    "METRIC_LOG_DROPPED",
    "METRIC_LOOP_FAILURES",
    "METRIC_NOT_READY",
    "METRIC_OUTBOX_HELD",
    "METRIC_OUTBOX_SET_ASIDE",
    "METRIC_ROWS_DURATION",
    "METRIC_RPC_CLIENT_DURATION",
    "METRIC_RPC_SERVER_DURATION",
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
"""One delivery is handled; with `messaging.delivery_attempt`."""
SPAN_VALKEY: Final = "valkey {operation}"
"""One command or script for Valkey, within a trace, from when it is asked for: it travels with
those of others."""
SPAN_TIMELINE_PUSH: Final = "timeline store push"
"""One tweet goes into the persistent and hot timelines of a page of followers."""

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
"""Histogram, seconds by `subscription` and `outcome` (acked, retried, outage, called-again,
dead-lettered): from the publishing, or the last redrive, to the end of an attempt."""
METRIC_BUS_MESSAGE_ATTEMPTS: Final = "bus.message.attempts"
"""Histogram, attempts by `subscription` and `outcome`; outages and wishes to be called again are
no attempts."""
METRIC_BUS_HANDLER_DURATION: Final = "bus.handler.duration"
"""Histogram, seconds by `subscription` and `outcome`: one attempt."""
METRIC_BUS_PAUSED: Final = "bus.paused"
"""Gauge, 1 for a `subscription` that this process consumes and from which it takes nothing, as an
operator has paused it or that is not known yet, else 0."""
METRIC_OUTBOX_HELD: Final = "outbox.held"
"""Gauge, entries by `table`: committed by this process and not yet published and settled."""
METRIC_OUTBOX_SET_ASIDE: Final = "outbox.set_aside"
"""Counter, entries by `table`, each time that one failed by itself; it is tried again later."""
METRIC_FANOUT_LAG: Final = "fanout.lag"
"""Histogram, seconds by `stage` (plan, push): from a tweet's creation until its plan was made (the
first delivery of it), or a page of its pushes was made. A tweet that is not pushed, as its author
has too many followers or it was deleted before, has none."""
METRIC_FANOUT_PLANNED: Final = "fanout.planned"
"""Counter, tweets by `pushed` (yes; no: too many followers, or deleted before) whose plan was made:
as many as were posted, while the fan-out keeps up."""
METRIC_FANOUT_THRESHOLD: Final = "fanout.threshold"
"""Gauge, followers by `source` (operator, flag, setting): the celebrity threshold in force, T, and
what has set it."""
METRIC_LOOP_FAILURES: Final = "loop.failures"
"""Counter, steps by `loop` that raised something; each was logged and is tried again."""
METRIC_FLAGS_STALE: Final = "flags.stale"
"""Gauge, 1 while the file of feature flags cannot be used as it is, else 0."""
METRIC_ID_LEASE_REMAINING: Final = "id.lease.remaining"
"""Gauge, seconds until this process may make no more ids; 0 without a lease."""
METRIC_LIMITS_LISTED: Final = "limits.listed"
"""Gauge, names by `list` (revoked_session, revoked_user, revoked_app_key, conduct_user,
conduct_ip): what the gateway sends the edges, 5000 at most. Every gateway process reports all of
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
METRIC_ROWS_DURATION: Final = "rows.duration"
"""Histogram, seconds by `engine` (sqlite, bigtable), `operation`, `table` (the first, of many) and
`outcome` (ok, failed): one call of the row store."""
METRIC_VALKEY_DURATION: Final = "valkey.duration"
"""Histogram, seconds by `store` (cache, bus) and `outcome` (ok, failed): one round trip of scripts,
which many callers may share."""
METRIC_VALKEY_MEMORY: Final = "valkey.memory"
"""Gauge, share by `store` (cache, bus, nonces) and `evicts` (yes, no: whether it forgets keys when
it is full): memory used, of what it may use; of a cluster, of its fullest node. Every process that
uses a store reports it, so take one, never the sum."""
METRIC_VALKEY_EVICTED: Final = "valkey.evicted"
"""Counter, keys by `store` that it forgot to have room for others, since it started. As
`valkey.memory`: reported by every process that uses it."""
METRIC_CACHE_HITS: Final = "cache.hits"
"""Counter, entries found by `cache` (home, author, tweets, relations)."""
METRIC_CACHE_MISSES: Final = "cache.misses"
"""Counter, entries looked for in vain, by `cache`. A failed look is neither hit nor miss."""
METRIC_NOT_READY: Final = "service.not_ready"
"""Gauge, flag by `requirement`: 1 while this, which the process needs of itself, does not hold."""
METRIC_LOG_DROPPED: Final = "log.dropped"
"""Counter, lines that could not be written into the process's log, and are lost."""
METRIC_GRAPH_OUT_OF_ORDER: Final = "graph.out_of_order"
"""Counter, changes of edges refused because what is stored is dated beyond every id."""
METRIC_HOT_STORE_UNAVAILABLE: Final = "hot_store.unavailable"
"""Counter, calls to the hot store that failed, by `error.type`; their callers used the source."""

# Log events.
EVENT_CACHE_CIRCUIT_OPENED: Final = "cache.circuit.opened"
"""The cache gave no answer: calls fail at once from here on."""
EVENT_CACHE_CIRCUIT_CLOSED: Final = "cache.circuit.closed"
"""The cache answers again, `after_s` seconds later."""
EVENT_CACHE_DAMAGED: Final = "cache.damaged"
"""What lies under `key` in the cache is not what was put there; it is a miss, and is forgotten."""
EVENT_RPC_HANDLED: Final = "rpc.handled"
"""The access log: one per RPC, with `method`, `code` and `duration_ms`."""
EVENT_RPC_UNKNOWN_ERROR: Final = "rpc.unknown_error"
"""A handler raised what no table knows; holds the traceback that the caller is not shown."""
EVENT_RPC_LISTENING: Final = "rpc.listening"
"""The server accepts calls at `address`."""
EVENT_RPC_DRAINED: Final = "rpc.drained"
"""The server has stopped; calls in flight ended or ran out of grace."""
EVENT_RPC_DENIED: Final = "rpc.denied"
"""A sibling, or somebody who is none, was refused `method`: `caller`, `reason`, `detail`."""
EVENT_TLS_RELOADED: Final = "tls.reloaded"
"""Renewed certificate files are in use: `serial` and `expires` of the process's own."""
EVENT_TLS_RELOAD_FAILED: Final = "tls.reload_failed"
"""The files have changed and do not fit together (yet); the last good ones stay in use."""
EVENT_SIGNING_KEYS_RELOADED: Final = "signing.keys_reloaded"
"""The file of signing keys has changed; `key_ids` are in use, the first of them signs."""
EVENT_SIGNING_KEYS_FAILED: Final = "signing.keys_failed"
"""It has changed and cannot be read; the last good keys stay in use."""
EVENT_SIGNING_NONCES_EVICTED: Final = "signing.nonces_evicted"
"""The server of nonces evicts when its memory is short; a request could then be replayed."""
EVENT_SECRET_RELOADED: Final = "secret.reloaded"  # noqa: S105 - a name
"""The file of a secret has changed: the keys that it holds now are those of `variable`."""
EVENT_SECRET_FAILED: Final = "secret.failed"  # noqa: S105 - a name
"""It has changed and cannot be read; the last good keys stay in use."""
EVENT_SERVING: Final = "service.serving"
"""The process has all it needs and answers at `address`."""
EVENT_NOT_READY: Final = "service.not_ready"
"""From here on the process is not ready, or for another reason: `failing` names what does not hold
in it. `/healthz` names the service."""
EVENT_READY: Final = "service.ready"
"""Everything holds again that the process needs of itself."""
EVENT_LOOP_FAILED: Final = "loop.failed"
"""A step of the `loop` failed, `failures` times in a row so far; it is tried again."""
EVENT_LOOP_RECOVERED: Final = "loop.recovered"
"""The `loop` goes on as it should, after `failures`."""
EVENT_LOG_DROPPED: Final = "log.dropped"
"""So many `lines` could not be written until now, and are lost: most likely the disk was full."""
EVENT_BUS_RECEIVE_FAILED: Final = "bus.receive_failed"
"""No messages can be had of `subscription`, `failures` times in a row so far."""
EVENT_BUS_RECEIVE_RECOVERED: Final = "bus.receive_recovered"
"""They can be had again, after `failures`."""
EVENT_BUS_ATTEMPT_FAILED: Final = "bus.attempt_failed"
"""A handler raised `error`; the message comes again after `delay_s`."""
EVENT_BUS_CALL_AGAIN: Final = "bus.call_again"
"""A handler asked for its message again in `delay_s`, for a `reason` that is no fault."""
EVENT_BUS_DEAD_LETTER: Final = "bus.dead_letter"
"""A message was given up after `attempt`, or as `unreadable`; an operator should look at it."""
EVENT_BUS_SETTLE_FAILED: Final = "bus.settle_failed"
"""The bus did not take a delay or dead letter; the message comes again by itself."""
EVENT_BUS_ACK_FAILED: Final = "bus.ack_failed"
"""The bus did not take an ack, at `attempt`; after the last the messages come again."""
EVENT_BUS_PAUSES_CHANGED: Final = "bus.pauses_changed"
"""From here on this process takes nothing from `paused`, which names subscriptions of all
services, and takes from all others that it consumes."""
EVENT_BUS_DECLARE_FAILED: Final = "bus.declare_failed"
"""Topics and subscriptions cannot be made yet; nothing is relayed or consumed until they are."""
EVENT_DELETIONS_UNHEARD: Final = "deletions.unheard"
"""The subscription to deletions was lost: this process keeps no tweets until it is back."""
EVENT_CELEBRITIES_STALE: Final = "timeline.celebrities_stale"
"""The list of celebrities cannot be read; reads go on with the old one."""
EVENT_OUTBOX_ATTEMPT_FAILED: Final = "outbox.attempt_failed"
"""Publishing, settling or sweeping failed and is tried again."""
EVENT_OUTBOX_SET_ASIDE: Final = "outbox.set_aside"
"""An `entry` fails by itself, in publishing or replay; the others go on, and it is tried later."""
EVENT_OUTBOX_ROW_UNREADABLE: Final = "outbox.row_unreadable"
"""A row of an outbox is not what was written there; it stays. Each process logs it once."""
EVENT_ROWS_GARBAGE_COLLECTED: Final = "rows.garbage_collected"
"""`cells` past their retention were dropped from a SQLite file."""
EVENT_ROWS_GARBAGE_FAILED: Final = "rows.garbage_failed"
"""They could not be dropped; the next collection does it."""
EVENT_ROWS_UNREADABLE: Final = "rows.unreadable"
"""A row of `table` is not what was written there; it is left out, and the others are shown."""
EVENT_FANOUT_THRESHOLD_CHANGED: Final = "fanout.threshold_changed"
"""From here on this process goes by another `threshold`, which `source` has set."""
EVENT_FLAGS_CHANGED: Final = "flags.changed"
"""From here on this process goes by other `flags`."""
EVENT_FLAGS_REFUSED: Final = "flags.refused"
"""The file of flags is missing or wrong, as `error` says; what was in force stays."""
EVENT_TWEET_OWN_TIMELINE_FAILED: Final = "tweet.own_timeline_failed"
"""A tweet's `change` is not in its author's own timeline yet; the fan-out makes it there too."""
EVENT_USER_TIDYING_FAILED: Final = "user.tidying_failed"
"""A change of a user was made, yet not all after it; the next change or time makes up for it."""
EVENT_ERASURE_REFUSED: Final = "erasure.refused"
"""A message says that the `kind` of this `id` is deleted, and its owner says that it is there: the
message is made up, most likely, and becomes a dead letter."""
EVENT_FANOUT_TWEET_GONE: Final = "fanout.tweet_gone"
"""A tweet was deleted before its fan-out was planned."""
EVENT_GRAPH_COUNT_OFF: Final = "graph.count_off"
"""The follower count of `user_id` is wrong until the next complete stream corrects it."""
EVENT_GRAPH_OUT_OF_ORDER: Final = "graph.out_of_order"
"""A change was refused: the edge (`relation`, `owner_id`, `other_id`) is dated beyond every id, and
somebody has to write its cells anew."""
EVENT_AUDIT_DISPLACED: Final = "audit.displaced"
"""Somebody moved, removed, replaced or changed (`how`) the audit log's `file` while it was written;
the audit log says so too."""
EVENT_AUDIT_DENIALS_UNREAD: Final = "audit.denials_unread"
"""What an Envoy refused cannot be brought into the audit log now; it is tried again."""
EVENT_AUDIT_UNWRITTEN: Final = "audit.unwritten"
"""What was refused in the last second could not be written into the audit log, and is lost."""
EVENT_IDENTITY_KEYS_STALE: Final = "identity.keys_stale"
"""The signing keys cannot be read; the issuer goes on with those it knows."""
EVENT_IDENTITY_REVOCATIONS_UNSENT: Final = "identity.revocations_unsent"
"""What was revoked cannot be published to the edges now; it is tried again."""
EVENT_IDENTITY_SIGN_UP_STUCK: Final = "identity.sign_up_stuck"
"""A sign-up that was cut off cannot be finished yet; it is tried again."""
EVENT_ID_LEASE_MISSING: Final = "id.lease_missing"
"""No worker number can be had now; without one no id can be made for long."""
EVENT_LIMITS_FEED_REFUSED: Final = "limits.feed_refused"
"""An edge refused the lists of subjects that it was sent; it goes by those sent before."""
EVENT_LIMITS_LIST_FULL: Final = "limits.list_full"
"""A list that the edges are sent has become full. Of what was revoked, the rest is refused by
its age, with others as old; of subjects of low reputation, the mildest read as all others do."""
EVENT_LIMITS_SIGNALS_LOST: Final = "limits.signals_lost"
"""What an edge reported of requests could not be scored; so many requests were forgotten."""
EVENT_ID_LEASE_FAILED: Final = "id.lease_failed"
"""Leasing failed in a way that nobody foresaw; holds the traceback."""
EVENT_CACHE_UNAVAILABLE: Final = "cache.unavailable"
"""The hot store failed a look into `cache`, and its source was used."""
