"""The id service's row keys: built and parsed here and nowhere else."""

from services.platform.rows.keys import parse_hex

__all__ = ["parse_worker_row_key", "worker_row_key"]


_WORKER_HEX_DIGITS = 3


def worker_row_key(worker: int) -> bytes:
    """`{worker:03x}`: the lease of a Snowflake worker number, 0 to 1023."""
    return f"{worker:03x}".encode()


def parse_worker_row_key(key: bytes) -> int:
    """Return the worker number; `ValueError` if this is no lease row key."""
    return parse_hex(key, _WORKER_HEX_DIGITS)
