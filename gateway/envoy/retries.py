"""What the edge tries again: at another process of the service, where there are several.

What was never begun cannot be done twice, so that is tried again whatever it is. A read does no
harm, so it does not matter how far it had got; of a change that was begun nobody can say whether it
was made, and its client asks again, with the same `request_id`.
"""

from typing import Any, Final

from gateway.envoy.extensions import API, typed

__all__ = ["AGAIN", "READ_AGAIN", "other_process"]

NEVER_BEGUN: Final = "connect-failure,refused-stream,cancelled"
"""A server that has to stop answers `cancelled` to what reaches it in that moment."""
TRIES_MORE: Final = 2
OTHER_PICKS: Final = 3
"""Picks of another process than those that failed, before one of these is taken after all."""


def other_process() -> dict[str, Any]:
    """Build what has a retry go to a process that it has not been at."""
    kind = f"{API}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    predicate = {
        "name": "envoy.retry_host_predicates.previous_hosts",
        "typed_config": typed(kind),
    }
    return {
        "retry_host_predicate": [predicate],
        "host_selection_retry_max_attempts": OTHER_PICKS,
    }


def _again(retry_on: str) -> dict[str, Any]:
    return {"retry_on": retry_on, "num_retries": TRIES_MORE, **other_process()}


AGAIN: Final = _again(NEVER_BEGUN)
"""Of every route that has no policy of its own."""
READ_AGAIN: Final = _again(f"{NEVER_BEGUN},reset")
