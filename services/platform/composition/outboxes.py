"""Which outboxes there are, as services declare their tables."""

from services.platform.outbox.keys import OUTBOX_KEY
from services.platform.specs import all_specs

__all__ = ["all_outboxes"]


def all_outboxes() -> tuple[str, ...]:
    """Return the table of every outbox."""
    tables = (table for spec in all_specs().values() for table in spec.tables)
    return tuple(table.name for table in tables if table.key == OUTBOX_KEY)
