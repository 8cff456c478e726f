"""Logs: the names of all their events.

An alert or a filter of somebody's may depend on each: rename one as carefully as a proto field.
"""

from typing import Final

__all__ = [
    "EVENT_ANNOUNCEMENTS_UNHEARD",
    "EVENT_AUDIT_DENIALS_UNREAD",
    "EVENT_AUDIT_DISPLACED",
    "EVENT_AUDIT_UNWRITTEN",
    "EVENT_BUS_ACK_FAILED",
    "EVENT_BUS_ATTEMPT_FAILED",
    "EVENT_BUS_CALL_AGAIN",
    "EVENT_BUS_CONSUMER_FAILS",
    "EVENT_BUS_CONSUMER_RECOVERED",
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
    "EVENT_DRAWING_UNAVAILABLE",
    "EVENT_ENGAGEMENT_DRIFT",
    "EVENT_ENGAGEMENT_OUT_OF_ORDER",
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
    "EVENT_MEDIA_HASHES_FAILED",
    "EVENT_MEDIA_HASHES_RELOADED",
    "EVENT_MEDIA_QUARANTINED",
    "EVENT_NOT_READY",
    "EVENT_OUTBOX_ATTEMPT_FAILED",
    "EVENT_OUTBOX_ROW_UNREADABLE",
    "EVENT_OUTBOX_SET_ASIDE",
    "EVENT_PROCESS_HUNG",
    "EVENT_READY",
    "EVENT_ROWS_GARBAGE_COLLECTED",
    "EVENT_ROWS_GARBAGE_FAILED",
    "EVENT_ROWS_UNREADABLE",
    "EVENT_RPC_DENIED",
    "EVENT_RPC_DRAINED",
    "EVENT_RPC_HANDLED",
    "EVENT_RPC_LISTENING",
    "EVENT_RPC_UNKNOWN_ERROR",
    "EVENT_SEARCH_INCOMPLETE",
    "EVENT_SEARCH_INDEX_DISCARDED",
    "EVENT_SEARCH_REBUILD_BEGUN",
    "EVENT_SEARCH_REBUILD_ENDED",
    "EVENT_SEARCH_REBUILD_GOES_ON",
    "EVENT_SECRET_FAILED",
    "EVENT_SECRET_RELOADED",
    "EVENT_SERVING",
    "EVENT_SIGNING_KEYS_FAILED",
    "EVENT_SIGNING_KEYS_RELOADED",
    "EVENT_SIGNING_NONCES_EVICTED",
    "EVENT_TIMELINE_OWNER_UNKNOWN",
    "EVENT_TLS_RELOADED",
    "EVENT_TLS_RELOAD_FAILED",
    "EVENT_TWEET_COUNT_FAILED",
    "EVENT_TWEET_OWN_TIMELINE_FAILED",
    "EVENT_TWEET_QUARANTINED",
    "EVENT_TWEET_URLS_FAILED",
    "EVENT_TWEET_URLS_RELOADED",
    "EVENT_USER_TIDYING_FAILED",
]

EVENT_CACHE_CIRCUIT_OPENED: Final = "cache.circuit.opened"
"""The cache gave no answer: calls fail at once from here on."""
EVENT_CACHE_CIRCUIT_CLOSED: Final = "cache.circuit.closed"
"""The cache answers again, `after_s` seconds later."""
EVENT_CACHE_DAMAGED: Final = "cache.damaged"
"""What lies under `key` in the cache is not what was put there; it is a miss, and is forgotten."""
EVENT_CACHE_UNAVAILABLE: Final = "cache.unavailable"
"""The hot store failed a look into `cache`, and its source was used."""
EVENT_DRAWING_UNAVAILABLE: Final = "drawing.unavailable"
"""Answers with tweets go out without a `part` (as `drawing.absent` has it): its source failed, and
is not asked for a second."""
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
EVENT_PROCESS_HUNG: Final = "process.hung"
"""`make run` has ended this process, which gave no sign of life in `looks` looks in a row, and
starts it again; `outcome` says how it ended. It is in the log of the process, by the supervisor."""
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
EVENT_BUS_CONSUMER_FAILS: Final = "bus.consumer_fails"
"""Most of the last messages failed in this process: it takes few from here on, and gives up hardly
any, as it may be wrong itself."""
EVENT_BUS_CONSUMER_RECOVERED: Final = "bus.consumer_recovered"
"""Most of the last messages were handled again."""
EVENT_BUS_SETTLE_FAILED: Final = "bus.settle_failed"
"""The bus did not take a delay or dead letter; the message comes again by itself."""
EVENT_BUS_ACK_FAILED: Final = "bus.ack_failed"
"""The bus did not take an ack, at `attempt`; after the last the messages come again."""
EVENT_BUS_PAUSES_CHANGED: Final = "bus.pauses_changed"
"""From here on this process takes nothing from `paused`, which names subscriptions of all
services, and takes from all others that it consumes."""
EVENT_BUS_DECLARE_FAILED: Final = "bus.declare_failed"
"""Topics and subscriptions cannot be made yet; nothing is relayed or consumed until they are."""
EVENT_ANNOUNCEMENTS_UNHEARD: Final = "announcements.unheard"
"""The subscription to `channel` was lost: until it is back, this process keeps nothing of what is
announced there, deleted tweets or users."""
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
EVENT_SEARCH_INDEX_DISCARDED: Final = "search.index_discarded"
"""The index in `folder` cannot be opened, as `error` says: it is thrown away, and built anew."""
EVENT_SEARCH_REBUILD_BEGUN: Final = "search.rebuild_begun"
"""The index of `replica` is built anew from all tweets, for the `reason` given; it answers
meanwhile, with what it has."""
EVENT_SEARCH_REBUILD_GOES_ON: Final = "search.rebuild_goes_on"
"""The index of `replica` has about `percent` of what it is to have."""
EVENT_SEARCH_INCOMPLETE: Final = "search.incomplete"
"""The process of `replica` takes calls after `waited_s`, though its first index is not built to its
end: it finds a part of the tweets until `search.rebuild_ended`."""
EVENT_SEARCH_REBUILD_ENDED: Final = "search.rebuild_ended"
"""The index of `replica` has all `tweets`, and nothing else."""
EVENT_FANOUT_THRESHOLD_CHANGED: Final = "fanout.threshold_changed"
"""From here on this process goes by another `threshold`, which `source` has set."""
EVENT_FANOUT_TWEET_GONE: Final = "fanout.tweet_gone"
"""A tweet was deleted before its fan-out was planned."""
EVENT_CELEBRITIES_STALE: Final = "timeline.celebrities_stale"
"""The list of celebrities cannot be read; reads go on with the old one."""
EVENT_TIMELINE_OWNER_UNKNOWN: Final = "timeline.owner_unknown"
"""The user service does not say whether `user_id` exists; the read goes on as if it did."""
EVENT_FLAGS_CHANGED: Final = "flags.changed"
"""From here on this process goes by other `flags`."""
EVENT_FLAGS_REFUSED: Final = "flags.refused"
"""The file of flags is missing or wrong, as `error` says; what was in force stays."""
EVENT_TWEET_COUNT_FAILED: Final = "tweet.count_failed"
"""The tweets of `user_id` could not be counted at first; the next read of it tries again."""
EVENT_TWEET_OWN_TIMELINE_FAILED: Final = "tweet.own_timeline_failed"
"""A tweet's `change` is not in its author's own timeline yet; the fan-out makes it there too."""
EVENT_USER_TIDYING_FAILED: Final = "user.tidying_failed"
"""A change of a user was made, yet not all after it; the next change or time makes up for it."""
EVENT_ERASURE_REFUSED: Final = "erasure.refused"
"""A message says that the `kind` of this `id` is deleted, and its owner says that it is there: the
message is made up, most likely, and becomes a dead letter."""
EVENT_GRAPH_COUNT_OFF: Final = "graph.count_off"
"""A count of follows of `user_id` is wrong until the next read of the whole list corrects it."""
EVENT_ENGAGEMENT_DRIFT: Final = "engagement.drift"
"""The count of a `kind` of a `tweet_id` was `counted`, and is `exact` now, as there are so many."""
EVENT_ENGAGEMENT_OUT_OF_ORDER: Final = "engagement.out_of_order"
"""A change by `user_id` of a `tweet_id` was refused: what is stored is dated beyond every id."""
EVENT_MEDIA_HASHES_FAILED: Final = "media.hashes_failed"
"""The list of blocked pictures cannot be used, as `error` says; the last good one stays."""
EVENT_MEDIA_HASHES_RELOADED: Final = "media.hashes_reloaded"
"""The list of blocked pictures is another, of so many `hashes`."""
EVENT_MEDIA_QUARANTINED: Final = "media.quarantined"
"""Something was found in the picture `media_id` of `user_id`, as `found` says: it is hidden."""
EVENT_TWEET_QUARANTINED: Final = "tweet.quarantined"
"""Something was found in the tweet `tweet_id` of `user_id`, as `found` says: it is hidden."""
EVENT_TWEET_URLS_FAILED: Final = "tweet.urls_failed"
"""The list of blocked URLs cannot be used, as `error` says; the last good one stays."""
EVENT_TWEET_URLS_RELOADED: Final = "tweet.urls_reloaded"
"""The list of blocked URLs is another, of so many `urls`."""
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
EVENT_ID_LEASE_FAILED: Final = "id.lease_failed"
"""Leasing failed in a way that nobody foresaw; holds the traceback."""
EVENT_LIMITS_FEED_REFUSED: Final = "limits.feed_refused"
"""An edge refused the lists of subjects that it was sent; it goes by those sent before."""
EVENT_LIMITS_LIST_FULL: Final = "limits.list_full"
"""A list that the edges are sent has become full. Of what was revoked, the rest is refused by
its age, with others as old; of subjects of low reputation, the mildest read as all others do."""
EVENT_LIMITS_SIGNALS_LOST: Final = "limits.signals_lost"
"""What an edge reported of requests could not be scored; so many requests were forgotten."""
