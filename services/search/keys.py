"""The search service's row keys: built and parsed here and nowhere else."""

from services.platform.rows.keys import ID_HEX_DIGITS, KeyRange, checked_id, split_key

__all__ = ["change_key", "changes_behind", "changes_since", "parse_change_key", "replica_key"]

_AFTER_HEX = b"g"
"""Sorts behind every key that begins with a hex digit."""


def change_key(at_ms: int, unique: int) -> bytes:
    """`{unix ms:016x}#{random:016x}`: the oldest first."""
    return b"%016x#%016x" % (checked_id(at_ms), checked_id(unique))


def parse_change_key(key: bytes) -> int:
    """Return the Unix milliseconds; `ValueError` if this is no key of a change."""
    return split_key(key, ID_HEX_DIGITS, ID_HEX_DIGITS)[0]


def changes_since(at_ms: int) -> KeyRange:
    """Select the changes dated from this time on, in Unix milliseconds."""
    return KeyRange(b"%016x" % max(0, at_ms), _AFTER_HEX)


def changes_behind(key: bytes) -> KeyRange:
    """Select the changes with keys behind this one."""
    return KeyRange(key + b"\x00", _AFTER_HEX)


def replica_key(replica: str) -> bytes:
    """`{host}:{slot}`."""
    return replica.encode()
