"""Putting counts of followers right, by whoever has read all followers anyway."""

import structlog

from services.graph.ports import GraphStore
from services.platform.errors import UnavailableError
from services.platform.observability.log_events import EVENT_GRAPH_COUNT_OFF

__all__ = ["correct_count"]

_log = structlog.get_logger()


async def correct_count(store: GraphStore, user_id: int, seen: int | None, exact: int) -> None:
    """Set a count that was `seen` before the followers were read; raises nothing."""
    try:
        await store.correct_follower_count(user_id, seen, exact)
    except UnavailableError as error:
        _log.warning(EVENT_GRAPH_COUNT_OFF, user_id=user_id, error=str(error))
