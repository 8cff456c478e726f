"""The durable rows of a process, on the engine that its settings name."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

from services.platform.config.settings import Settings, SettingsError
from services.platform.rows.metering import MeteredRowStore
from services.platform.rows.port import RowStore, TableSpec
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.rows.tracing import BIGTABLE, SQLITE, TracedRowStore
from services.platform.runtime.clock import Clock
from services.platform.runtime.readiness import Readiness

__all__ = ["open_rows"]


async def open_rows(  # noqa: PLR0913, PLR0917 - one value each, all of them a process's own
    settings: Settings,
    owner: str,
    tables: Sequence[TableSpec],
    clock: Clock,
    stack: AsyncExitStack,
    readiness: Readiness,
) -> RowStore:
    """Open tables of `owner` until the stack unwinds, measured and traced.

    Raises SettingsError where somebody else makes the schema and it lacks one of them.
    """
    if settings.storage == "bigtable":
        store = await _bigtable(settings, tables, clock)
        stack.push_async_callback(store.close)
        return TracedRowStore(MeteredRowStore(store, "bigtable"), BIGTABLE)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    file = SqliteRowStore(settings.data_dir / f"{owner}.db", tables, clock)
    await file.open()
    stack.push_async_callback(file.close)
    readiness.require(f"rows {owner}", file.holds)
    return TracedRowStore(MeteredRowStore(file, "sqlite"), SQLITE)


async def _bigtable(settings: Settings, tables: Sequence[TableSpec], clock: Clock) -> RowStore:
    # Only those who use it pay for the import, and need it installed.
    from services.platform.rows.bigtable.rows import BigtableRowStore  # noqa: PLC0415
    from services.platform.rows.bigtable.schema import (  # noqa: PLC0415
        ensure_schema,
        missing_schema,
    )

    # Settings refuse to start without these.
    project = settings.gcp_project or ""
    instance = settings.bigtable_instance or ""
    if settings.schema == "make":
        await ensure_schema(project, instance, tables)
    elif missing := await missing_schema(project, instance, tables):
        wanted = f"what it says: instance {instance} lacks {', '.join(missing)}"
        raise SettingsError("AVIARY_SCHEMA", got="given", wanted=wanted)
    profile = settings.bigtable_app_profile
    return BigtableRowStore(project, instance, tables, clock, app_profile=profile)
