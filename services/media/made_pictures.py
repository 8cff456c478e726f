"""What became of a picture, as bytes between processes: a line of JSON, then its files."""

import json

from services.media.media_cells import decode_outcome, encode_outcome
from services.media.model import Files, Image, Rejection

__all__ = ["decode_made", "encode_made"]


def encode_made(made: tuple[Image, Files] | Rejection) -> bytes:
    """Write what `decode_made` reads."""
    outcome, files = (made, ()) if isinstance(made, Rejection) else made
    head = [encode_outcome(outcome).decode(), [len(data) for _, data in files]]
    return b"\n".join((json.dumps(head).encode(), b"".join(data for _, data in files)))


def decode_made(said: bytes) -> tuple[Image, Files] | Rejection:
    """Read it again. Raises ValueError where it was cut off."""
    line, _, rest = said.partition(b"\n")
    cell, sizes = json.loads(line)
    outcome = decode_outcome(cell.encode())
    if isinstance(outcome, Rejection):
        return outcome
    if sum(sizes) != len(rest):
        raise ValueError(f"{sum(sizes)} bytes were announced, and {len(rest)} came")
    files, start = [], 0
    for variant, size in zip(outcome.variants, sizes, strict=True):
        files.append((variant, rest[start : start + size]))
        start += size
    return outcome, files
