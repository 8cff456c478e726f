"""How far a shared index is, and which process has the lease of it: one document in OpenSearch.

The holder writes the document every `RENEW_EVERY_S`; whoever sees it unchanged for `TERM_S`, by a
clock of its own, takes the lease: no two clocks are compared. Each write names what it replaces
(`if_seq_no`): of two that want it, one gets it. The versions of the index's own writes are its
fencing tokens (Kleppmann, "How to do distributed locking", 2016).
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from opensearchpy import AsyncOpenSearch
from opensearchpy.exceptions import ConflictError, NotFoundError, RequestError

from services.platform.errors import UnavailableError
from services.platform.runtime.clock import Clock
from services.search.model import IndexState
from services.search.opensearch_client import opensearch_errors

__all__ = ["RENEW_EVERY_S", "TERM_S", "OpenSearchState"]

TERM_S: Final = 15.0
"""After so long without a sign of the holder another process goes on."""
RENEW_EVERY_S: Final = TERM_S / 3
WRITE_BITS: Final = 31
"""Of a version, for the writes of one term; those above are the term. A version is below 2^63."""
WRITE_STEP: Final = 2
"""OpenSearch itself adds one to the version of what a query deletes."""
_MS: Final = 1_000
_DOCUMENT: Final = "state"


@dataclass(frozen=True, slots=True)
class _Kept:
    """The document as it was read, or written."""

    place: tuple[int, int]
    """Its sequence number and primary term: no two of its versions have the same."""
    holder: str
    """Empty where nobody keeps the index."""
    term: int
    state: str


class OpenSearchState:
    """A `WriterLease`, its `Versions`, and the `IndexStates` of the index. For one loop.

    `holder` must be new for each run of a process.
    """

    def __init__(
        self,
        client: AsyncOpenSearch,
        alias: str,
        holder: str,
        clock: Clock,
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._index = f"{alias}-state"
        self._holder = holder
        self._clock = clock
        self._now_s = now_s
        self._known: _Kept | None = None
        self._since_s = 0.0
        """Since when nothing else is known."""
        self._term: int | None = None
        """Of this process's lease; None while it has none."""
        self._writes = 0

    async def hold(self) -> bool:
        """Renew the lease, or take it where nobody has it; gives whether it is this process's."""
        if self._term is not None and self._now_s() - self._since_s < RENEW_EVERY_S:
            return True
        kept = await self._read()
        if self._term is not None:
            return await self._renew(kept, kept.state if kept else "")
        if kept is not None and kept.holder and not self._is_silent():
            return False
        # By the clock a term comes after all those of a document that was lost.
        term = max(self._clock.now_ms() // _MS, kept.term + 1 if kept else 0)
        if await self._write(kept, self._holder, term, kept.state if kept else ""):
            self._term, self._writes = term, 0
        return self._term is not None

    async def release(self) -> None:
        """Let another process take it at once. Raises `UnavailableError`; then it is kept."""
        if (term := self._term) is None:
            return
        kept = await self._read()
        if kept is not None and (kept.holder, kept.term) == (self._holder, term):
            await self._write(kept, "", term, kept.state)
        self._term = None

    async def next(self) -> int:
        """Number the next write."""
        if not await self.hold():
            raise UnavailableError("another process keeps the search index")
        self._writes += 1
        return (self._term or 0) << WRITE_BITS | self._writes * WRITE_STEP

    async def load(self) -> IndexState | None:
        """Read the state; None where there is none, or none that can be read."""
        kept = await self._read()
        try:
            said = json.loads(kept.state if kept else "")
            # What an older version did not say has a default.
            names = {each.name for each in fields(IndexState)}
            return IndexState(**{name: said[name] for name in names & said.keys()})
        except (ValueError, AttributeError, TypeError):
            return None

    async def save(self, state: IndexState) -> None:
        """Replace the state. Raises `UnavailableError` where another process has the lease."""
        text = json.dumps(asdict(state))
        if self._term is not None and self._known is not None:
            if await self._write(self._known, self._holder, self._term, text):
                return
            # It may have been written all the same by a call that failed.
            if await self._renew(await self._read(), text):
                return
        raise UnavailableError("another process keeps the search index")

    async def _renew(self, kept: _Kept | None, state: str) -> bool:
        is_own = kept is not None and (kept.holder, kept.term) == (self._holder, self._term)
        if is_own and await self._write(kept, self._holder, self._term or 0, state):
            return True
        self._term = None
        return False

    def _is_silent(self) -> bool:
        return self._now_s() - self._since_s >= TERM_S

    def _learnt(self, kept: _Kept | None, at_s: float) -> None:
        if kept is None or self._known is None or kept.place != self._known.place:
            self._known, self._since_s = kept, at_s

    async def _read(self) -> _Kept | None:
        # Seen when the answer is here: by then the holder had written it.
        try:
            with opensearch_errors():
                found = await self._client.get(index=self._index, id=_DOCUMENT)
        except UnavailableError as error:
            if not isinstance(error.__cause__, NotFoundError):
                raise
            # The lease is gone with its document: it is to be taken anew.
            self._term = None
            self._learnt(None, self._now_s())
            return None
        said: Mapping[str, Any] = found["_source"]
        place = (found["_seq_no"], found["_primary_term"])
        kept = _Kept(place, said["holder"], said["term"], said["state"])
        self._learnt(kept, self._now_s())
        return kept

    async def _write(self, known: _Kept | None, holder: str, term: int, state: str) -> bool:
        """Replace what is known; false where it is no more what is there."""
        began_s = self._now_s()
        params: dict[str, Any] = {"op_type": "create"}
        if known is None:
            await self._make_index()
        else:
            params = {"if_seq_no": known.place[0], "if_primary_term": known.place[1]}
        body = {"holder": holder, "term": term, "state": state}
        try:
            with opensearch_errors():
                done = await self._client.index(
                    index=self._index, id=_DOCUMENT, body=body, params=params
                )
        except UnavailableError as error:
            if isinstance(error.__cause__, ConflictError):
                return False
            raise
        # The lease counts from before the call, and others' patience from after it.
        self._learnt(_Kept((done["_seq_no"], done["_primary_term"]), holder, term, state), began_s)
        return True

    async def _make_index(self) -> None:
        body = {"mappings": {"dynamic": False}}
        with opensearch_errors():
            if await self._client.indices.exists(index=self._index):
                return
            try:
                await self._client.indices.create(index=self._index, body=body)
            except RequestError as error:
                # Another process was faster.
                if error.error != "resource_already_exists_exception":
                    raise
