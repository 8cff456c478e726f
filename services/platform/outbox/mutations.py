"""The mutations that an outbox entry carries, as the value of one cell."""

import base64
import json
from collections.abc import Mapping, Sequence
from functools import partial

from services.platform.rows.port import RowMutation

__all__ = ["decode_mutations", "encode_mutations"]


def encode_mutations(mutations: Sequence[RowMutation]) -> bytes:
    """Encode sets and their timestamps, null for none; deletes are not kept."""
    flat = [[m.table, _text(m.key), m.timestamp_ms, _cells(m.sets)] for m in mutations]
    return json.dumps(flat, separators=(",", ":")).encode()


def _cells(cells: Mapping[bytes, bytes]) -> list[tuple[str, str]]:
    return [(_text(column), _text(value)) for column, value in cells.items()]


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def decode_mutations(encoded: bytes) -> list[RowMutation]:
    """Decode what `encode_mutations` gave; of anything else most is refused."""
    raw = partial(base64.b64decode, validate=True)
    return [
        RowMutation(table, raw(key), {raw(c): raw(v) for c, v in cells}, timestamp_ms=timestamp_ms)
        for table, key, timestamp_ms, cells in json.loads(encoded)
    ]
