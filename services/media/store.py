"""Pictures as rows: one a picture, one in its owner's list, one while it is unsettled or hidden.

A picture's row has the cells `upload`, `arrived`, `outcome`, `quarantine` and `holder`, each of
which is decided by itself. A row without `upload` is none: a replay of what was forgotten.
"""

from collections.abc import Collection, Sequence
from typing import Any

from services.media.keys import (
    UNSETTLED_SHARDS,
    media_row_key,
    owner_row_key,
    parse_media_row_key,
    parse_owner_row_key,
    parse_quarantined_row_key,
    parse_unsettled_row_key,
    prefix_range,
    quarantined_after,
    quarantined_row_key,
    unsettled_below,
    unsettled_row_key,
)
from services.media.media_cells import (
    decode_outcome,
    decode_quarantine,
    decode_upload,
    encode_outcome,
    encode_quarantine,
    encode_upload,
)
from services.media.model import Image, Media, Quarantine, Rejection, RequestClaim, Upload
from services.media.spec import (
    MEDIA,
    MEDIA_BY_OWNER,
    MEDIA_EVENTS,
    QUARANTINED,
    REQUESTS,
    UNSETTLED,
)
from services.platform.outbox.outbox import Commits, OutboxEntry
from services.platform.rows.cells import swap_cell
from services.platform.rows.json_cells import JsonCells
from services.platform.rows.keys import request_row_key
from services.platform.rows.port import CellName, Row, RowMutation, RowStore, Scan
from services.platform.rows.reading import UNREADABLE, log_unreadable

__all__ = ["RowMediaStore"]

_UPLOAD = b"upload"
_ARRIVED = b"arrived"
_OUTCOME = b"outcome"
_QUARANTINE = b"quarantine"
_HOLDER = b"holder"
_LISTED = b"listed"
_CLAIM = b"claim"
_YES = b"1"


class RowMediaStore:
    """A `MediaStore` on a `RowStore` and its outbox."""

    def __init__(self, rows: RowStore, outbox: Commits) -> None:
        self._rows = rows
        self._outbox = outbox

    async def add(self, upload: Upload) -> None:
        """Write the row and its places in the lists, those first: they lead to it."""
        media_id = upload.media_id
        await self._rows.mutate(
            [
                RowMutation(UNSETTLED.name, unsettled_row_key(media_id), {_LISTED: _YES}),
                RowMutation(
                    MEDIA_BY_OWNER.name, owner_row_key(upload.user_id, media_id), {_LISTED: _YES}
                ),
            ]
        )
        await self._rows.mutate(
            [RowMutation(MEDIA.name, media_row_key(media_id), {_UPLOAD: encode_upload(upload)})]
        )

    async def get_many(self, media_ids: Collection[int]) -> dict[int, Media]:
        """Read rows, in one read."""
        if not media_ids:
            return {}
        rows = await self._rows.read_rows(MEDIA.name, list(map(media_row_key, media_ids)))
        found = filter(None, map(_readable, rows.values()))
        return {media.upload.media_id: media for media in found}

    async def is_forgotten(self, media_id: int) -> bool:
        """Look for the cell that a row begins with."""
        cell = CellName(MEDIA.name, media_row_key(media_id), _UPLOAD)
        return not await self._rows.read_cells([cell])

    async def arrive(self, upload: Upload, event: bytes) -> None:
        """Write one cell, and the event, together."""
        media_id = upload.media_id
        arrived = RowMutation(
            MEDIA.name,
            media_row_key(media_id),
            {_ARRIVED: _YES},
            timestamp_ms=upload.created_at_ms,
        )
        await self._outbox.commit([arrived], OutboxEntry(media_id, MEDIA_EVENTS, event))

    async def decide(self, media_id: int, outcome: Image | Rejection) -> None:
        """Write the cell if it is absent."""
        cell = CellName(MEDIA.name, media_row_key(media_id), _OUTCOME)
        await swap_cell(self._rows, cell, None, encode_outcome(outcome))

    async def hold(self, media_id: int, before: int, after: int) -> int:
        """Compare and set the cell, which is absent for 0."""
        cell = CellName(MEDIA.name, media_row_key(media_id), _HOLDER)
        found = await swap_cell(self._rows, cell, _holder_cell(before), _holder_cell(after))
        return int(found or 0)

    async def quarantine(self, media_id: int, why: Quarantine) -> None:
        """List it, then write the cell."""
        await self._rows.mutate(
            [RowMutation(QUARANTINED.name, quarantined_row_key(media_id), {_LISTED: _YES})]
        )
        await self._rows.mutate(
            [
                RowMutation(
                    MEDIA.name, media_row_key(media_id), {_QUARANTINE: encode_quarantine(why)}
                )
            ]
        )

    async def clear(self, media_id: int) -> None:
        """Delete the cell, then its place in the list."""
        await self._rows.mutate(
            [
                RowMutation(UNSETTLED.name, unsettled_row_key(media_id), {_LISTED: _YES}),
                RowMutation(MEDIA.name, media_row_key(media_id), deletes=[_QUARANTINE]),
            ]
        )
        await self._rows.mutate(
            [RowMutation(QUARANTINED.name, quarantined_row_key(media_id), delete_row=True)]
        )

    async def quarantined(self, after: int, limit: int) -> list[int]:
        """Scan the list."""
        keys = quarantined_after(after)
        rows = await self._rows.scan(QUARANTINED.name, keys.start, keys.end, limit=limit)
        return [parse_quarantined_row_key(row.key) for row in rows]

    async def owned(self, user_id: int, limit: int) -> list[int]:
        """Scan the owner's list."""
        keys = prefix_range(user_id)
        rows = await self._rows.scan(MEDIA_BY_OWNER.name, keys.start, keys.end, limit=limit)
        return [parse_owner_row_key(row.key) for row in rows]

    async def unsettled(self, below: int, limit: int) -> list[int]:
        """Scan all shards, in one read."""
        share = -(-limit // UNSETTLED_SHARDS)
        ranges = [unsettled_below(shard, below) for shard in range(UNSETTLED_SHARDS)]
        scans = [Scan(UNSETTLED.name, keys.start, keys.end, share) for keys in ranges]
        pages = await self._rows.scan_many(scans)
        return [parse_unsettled_row_key(row.key) for rows in pages for row in rows]

    async def settle(self, media_ids: Collection[int]) -> None:
        """Delete rows of the list."""
        await self._rows.mutate(_unlisted(media_ids))

    async def forget(self, media_id: int, user_id: int) -> None:
        """Delete the row, then its places in lists: they lead to it as long as it is there."""
        await self._rows.mutate([RowMutation(MEDIA.name, media_row_key(media_id), delete_row=True)])
        await self._rows.mutate(
            [
                RowMutation(MEDIA_BY_OWNER.name, owner_row_key(user_id, media_id), delete_row=True),
                RowMutation(QUARANTINED.name, quarantined_row_key(media_id), delete_row=True),
                *_unlisted([media_id]),
            ]
        )

    async def find_claim(self, user_id: int, request_id: str) -> RequestClaim | None:
        """Read what a request id stands for."""
        key = request_row_key(user_id, request_id)
        row = (await self._rows.read_rows(REQUESTS.name, [key])).get(key)
        return None if row is None else _CLAIMS.loads(row.cells[_CLAIM])

    async def claim(self, user_id: int, request_id: str, claim: RequestClaim) -> RequestClaim:
        """Bind a request id if it is unbound."""
        cell = CellName(REQUESTS.name, request_row_key(user_id, request_id), _CLAIM)
        return await _CLAIMS.add(self._rows, cell, claim) or claim


def _unlisted(media_ids: Collection[int]) -> Sequence[RowMutation]:
    return [
        RowMutation(UNSETTLED.name, unsettled_row_key(media_id), delete_row=True)
        for media_id in media_ids
    ]


def _readable(row: Row) -> Media | None:
    """Read a row; None for one of a forgotten picture, and for one that cannot be read."""
    upload, outcome, hidden = (row.cells.get(each) for each in (_UPLOAD, _OUTCOME, _QUARANTINE))
    if upload is None:
        return None
    try:
        return Media(
            decode_upload(parse_media_row_key(row.key), upload),
            has_arrived=_ARRIVED in row.cells,
            outcome=None if outcome is None else decode_outcome(outcome),
            quarantine=None if hidden is None else decode_quarantine(hidden),
            holder=int(row.cells.get(_HOLDER, b"0")),
        )
    except UNREADABLE as error:
        log_unreadable(MEDIA.name, row, error)
        return None


def _holder_cell(holder: int) -> bytes | None:
    return b"%d" % holder if holder else None


def _encode_claim(claim: RequestClaim) -> list[Any]:
    return [claim.media_id, claim.fingerprint]


def _decode_claim(found: list[Any]) -> RequestClaim:
    media_id, fingerprint, *_ = found
    return RequestClaim(media_id, fingerprint)


_CLAIMS = JsonCells(_encode_claim, _decode_claim)
