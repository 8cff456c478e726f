"""For each alert a real fault that makes it fire, and whose end ends it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Final

from tests.observability.faults.people import (
    certificate_not_renewed,
    guessed_passwords,
    many_log_outs,
    mistyped_flags,
)
from tests.observability.faults.processes import hung, hung_while_posting
from tests.observability.faults.queues import (
    all_poison,
    flooded,
    forgotten_pause,
    found_late,
    poisoned,
    pushed_late,
    refused_entry,
    scanned_late,
    told_late,
)
from tests.observability.faults.rows import edge_of_the_future, full_disk, miscounted
from tests.observability.faults.valkeys import (
    evicting_cache,
    flushed_cache,
    full_bus,
    hung_bus,
    hung_cache,
)
from tests.observability.watching import Watched
from tools.observability.queries import POST

__all__ = ["ROUNDS", "Case", "Fault"]

Fault = Callable[[Watched], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Case:
    """One alert, by the labels with which it fires."""

    alert: str
    fault: Fault
    """Makes the fault; ends it, as an operator would, at the end of its context. One that several
    cases name is made once."""
    labels: Mapping[str, str] = field(default_factory=dict)


_hung_user: Final = partial(hung_while_posting, service="user")
_hung_id: Final = partial(hung, service="id")

ROUNDS: Final[Mapping[str, tuple[Case, ...]]] = MappingProxyType(
    {
        "queues": (
            Case("FanoutLag", pushed_late),
            Case("LiveLate", pushed_late),
            Case("SearchLag", found_late),
            Case("NotificationLag", told_late),
            Case("TweetScanLag", scanned_late),
            Case("BacklogGrows", flooded, {"subscription": "fanout.author"}),
            Case("QueuePaused", forgotten_pause, {"subscription": "identity.erasure"}),
            Case("DeadLetters", poisoned, {"subscription": "fanout.graph"}),
            Case("ConsumerFails", all_poison, {"subscription": "media.processing"}),
            Case("OutboxSetAside", refused_entry, {"job": "tweet", "table": "tweet_outbox"}),
            Case("EdgesOutOfOrder", edge_of_the_future, {"job": "graph"}),
            Case("EdgeListFills", many_log_outs, {"list": "revoked_session"}),
            Case("ValkeyEvicts", evicting_cache, {"store": "cache"}),
        ),
        "people and stores": (
            Case("CertificateExpires", certificate_not_renewed, {"job": "tweet"}),
            Case("CertificateExpires", certificate_not_renewed, {"job": "edge"}),
            Case("FlagsStale", mistyped_flags, {"job": "fanout"}),
            Case("LogInsFail", guessed_passwords),
            Case("CountsDrift", miscounted, {"kind": "like"}),
            Case("ValkeyFills", full_bus, {"store": "bus"}),
            Case("CacheHitRateFell", flushed_cache, {"cache": "home"}),
        ),
        "services that hang": (
            Case("LeaseMissing", _hung_id, {"job": "tweet"}),
            Case("TargetDown", _hung_id, {"job": "id"}),
            Case("RpcFaults", _hung_user, {"job": "tweet", "rpc_method": POST}),
            Case("EdgeFailures", _hung_user, {"rpc": POST}),
        ),
        "Valkeys that hang": (
            Case("CacheGone", hung_cache, {"job": "timeline"}),
            Case("OutboxHeld", hung_bus, {"job": "tweet", "table": "tweet_outbox"}),
        ),
        "a full disk": (
            Case("DiskFills", full_disk, {"job": "tweet"}),
            Case("NotReady", full_disk, {"job": "tweet"}),
            Case("RowsFail", full_disk, {"job": "tweet"}),
            Case("LogLinesLost", full_disk, {"job": "tweet"}),
        ),
    }
)
"""What is in one round is made at once, and does not hide one another."""
