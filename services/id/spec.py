"""The id service in one declaration."""

from typing import Final

from services.platform.rows.port import TableSpec
from services.platform.specs import ServiceSpec

__all__ = ["LEASES", "SPEC"]

LEASES: Final = TableSpec("leases", key="{worker:03x}")
"""Kept for ever: a forgotten window could be granted twice."""

SPEC: Final = ServiceSpec(
    name="id",
    summary="leases Snowflake worker numbers, and makes ids for callers in other languages",
    port=50_052,
    contracts=("aviary.id.v1.IdService",),
    tables=(LEASES,),
)
