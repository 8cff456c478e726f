"""Repeats of a request: what a `request_id` of the user service stands for.

The record of a request is bound before the change it asks for, so that a repeat is known as one
whatever happens. The answer to an update is known only once the row was written: the row names the
request that wrote it last, and nobody overwrites that before the answer is in the record. So a
record without an answer, read after a row that names another request, means: not done yet.
"""

from services.platform.ids.request_ids import reused
from services.user.model import Account, RequestKey, RequestMark, RequestRecord, User
from services.user.ports import RequestStore

__all__ = ["Requests"]


class Requests:
    """The records of request ids; raises `AlreadyExistsError` for one used for other content."""

    def __init__(self, store: RequestStore) -> None:
        self._store = store

    async def find(self, scope: int | str, mark: RequestMark) -> RequestRecord | None:
        """Read the record; None if the id is unbound."""
        record = await self._store.find_request(RequestKey(scope, mark.request_id))
        return None if record is None else _checked(record, mark)

    async def bind(
        self, scope: int | str, mark: RequestMark, answer: User | None = None
    ) -> RequestRecord:
        """Bind the id unless it is bound; returns the record that holds."""
        key = RequestKey(scope, mark.request_id)
        record = await self._store.bind_request(key, RequestRecord(mark.fingerprint, answer))
        return _checked(record, mark)

    async def remember(self, account: Account) -> None:
        """Keep the answer to the request that made this row, before the row is changed again."""
        mark = account.changed_by
        if mark is not None:
            key = RequestKey(account.user.user_id, mark.request_id)
            await self._store.answer_request(key, RequestRecord(mark.fingerprint, account.user))


def _checked(record: RequestRecord, mark: RequestMark) -> RequestRecord:
    if record.fingerprint != mark.fingerprint:
        raise reused(mark.request_id)
    return record
