"""Rows that cannot be read: each is left out by itself, so that it spoils no page of others."""

import structlog

from services.platform.observability.log_events import EVENT_ROWS_UNREADABLE
from services.platform.rows.port import Row

__all__ = ["UNREADABLE", "log_unreadable"]

UNREADABLE = (AttributeError, KeyError, TypeError, ValueError, RecursionError)
"""What reading a row raises whose cells are missing, or are not what was written there."""

_log = structlog.get_logger()


def log_unreadable(table: str, row: Row, error: Exception) -> None:
    """Log that a row is left out, by its key."""
    # The key alone: a cell may hold what people wrote.
    _log.error(EVENT_ROWS_UNREADABLE, table=table, key=repr(row.key), error=type(error).__name__)
