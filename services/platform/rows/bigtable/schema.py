"""The Bigtable schema of a `TableSpec`: one family, one version, cells dropped by age."""

import os
from collections.abc import Callable, Sequence
from datetime import timedelta

import grpc.aio
from google.api_core.exceptions import AlreadyExists, GoogleAPIError, NotFound
from google.auth.exceptions import GoogleAuthError
from google.cloud.bigtable_admin_v2 import BigtableTableAdminAsyncClient
from google.cloud.bigtable_admin_v2.services.bigtable_table_admin.transports import (
    BigtableTableAdminGrpcAsyncIOTransport,
)
from google.cloud.bigtable_admin_v2.types import (
    ColumnFamily,
    CreateTableRequest,
    GcRule,
    GetTableRequest,
    Table,
)

from services.platform.errors import UnavailableError
from services.platform.rows.port import TableSpec

__all__ = ["EMULATOR_VARIABLE", "FAMILY", "ensure_schema", "missing_schema"]

FAMILY = "c"
"""The one column family; short, because it travels with every cell."""
EMULATOR_VARIABLE = "BIGTABLE_EMULATOR_HOST"
"""The variable by which Google's own clients find an emulator (host:port)."""
ADMIN_TIMEOUT_S = 30.0
"""Making a table is slow on the real service."""


async def ensure_schema(project: str, instance: str, tables: Sequence[TableSpec]) -> None:
    """Make missing tables with their family and garbage rule; existing ones stay as they are.

    Idempotent. Raises `UnavailableError` when the admin service cannot answer.
    """
    client = _admin_client()
    try:
        for spec in tables:
            await _ensure_table(client, f"projects/{project}/instances/{instance}", spec)
    except (GoogleAPIError, GoogleAuthError) as error:
        raise UnavailableError("The row store's tables cannot be made now.") from error
    finally:
        await client.transport.close()  # type: ignore[no-untyped-call]


async def missing_schema(project: str, instance: str, tables: Sequence[TableSpec]) -> list[str]:
    """Name what is missing of the tables and their family; changes nothing.

    Raises `UnavailableError` when the admin service cannot answer.
    """
    client = _admin_client()
    try:
        parent = f"projects/{project}/instances/{instance}"
        found = [await _missing_of_table(client, parent, spec) for spec in tables]
    except (GoogleAPIError, GoogleAuthError) as error:
        raise UnavailableError("The row store's tables cannot be looked up now.") from error
    finally:
        await client.transport.close()  # type: ignore[no-untyped-call]
    return [missing for missing in found if missing]


async def _missing_of_table(
    client: BigtableTableAdminAsyncClient, parent: str, spec: TableSpec
) -> str:
    name = f"{parent}/tables/{spec.name}"
    request = GetTableRequest(name=name, view=Table.View.SCHEMA_VIEW)
    try:
        table = await client.get_table(request, timeout=ADMIN_TIMEOUT_S)
    except NotFound:
        return f"table {spec.name}"
    return "" if FAMILY in table.column_families else f"family {FAMILY} of table {spec.name}"


async def _ensure_table(
    client: BigtableTableAdminAsyncClient, parent: str, spec: TableSpec
) -> None:
    table = Table(column_families={FAMILY: ColumnFamily(gc_rule=_garbage_rule(spec))})
    request = CreateTableRequest(parent=parent, table_id=spec.name, table=table)
    try:
        await client.create_table(request, timeout=ADMIN_TIMEOUT_S)
    except AlreadyExists:
        return


def _garbage_rule(spec: TableSpec) -> GcRule:
    rule: Callable[..., GcRule] = GcRule  # its constructor has no types
    newest = rule(max_num_versions=1)
    if spec.max_age_s is None:
        return newest
    old = rule(max_age=timedelta(seconds=spec.max_age_s))
    return rule(union=GcRule.Union(rules=[newest, old]))


def _admin_client() -> BigtableTableAdminAsyncClient:
    emulator = os.environ.get(EMULATOR_VARIABLE)
    if not emulator:
        return BigtableTableAdminAsyncClient()
    channel = grpc.aio.insecure_channel(emulator)
    return BigtableTableAdminAsyncClient(
        transport=BigtableTableAdminGrpcAsyncIOTransport(channel=channel)
    )
