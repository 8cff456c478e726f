"""The live service's Valkey keys: built here and nowhere else."""

__all__ = ["seats_key"]


def seats_key(viewer: int) -> bytes:
    """`live:{<user>}`: the streams that a user has open, each until when it counts."""
    return b"live:{%d}" % viewer
