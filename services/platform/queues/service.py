"""What operators can do with queues, whichever service consumes them."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from services.platform.bus.port import BusDriver, DeadLetter
from services.platform.error_reasons import Reason
from services.platform.errors import InvalidArgumentError, NotFoundError
from services.platform.queues.model import Content, GivenUp, Queue
from services.platform.queues.pauses import Pauses
from services.platform.queues.ports import DeadLetters

__all__ = ["Queues"]

OUTBOX_PREFIX = "outbox."
"""Of the name under which what is refused of an outbox is listed; no service has this name."""
DEFAULT_LIMIT = 100  # dead letters a call
MAX_LIMIT = 1_000
MAX_NAMED = 40
"""Ids of one call: an operator's request, which the audit log holds whole, has at most 1 KiB."""
MAX_DATA_BYTES = 3_000_000
MAX_ATTRIBUTES = 100
ATTRIBUTE_CHARS = 1_000
"""These of a dead letter that is read whole: an answer has at most 4 MiB."""
SHOWN_REASON_CHARS = 500
SHOWN_FIELDS = 8
SHOWN_BYTES = 100
"""Of each name and value: a thousand letters of the longest are below the 4 MB of an answer."""


class Queues:
    """The queues of the subscriptions named; of no other.

    Beside them stands each of `outboxes`, as `outbox.<its table>`, while the bus refuses some of
    its messages: they are dead letters that no subscription has got. It cannot be paused.

    Every method raises `InvalidArgumentError` for a request that breaks its limits, and
    `UnavailableError` when the bus, or for pauses the store, cannot answer.
    """

    def __init__(
        self,
        bus: BusDriver,
        pauses: Pauses,
        subscriptions: Sequence[str],
        refused: DeadLetters | None = None,
        outboxes: Sequence[str] = (),
    ) -> None:
        self._bus = bus
        self._pauses = pauses
        self._names = tuple(subscriptions)
        self._letters: dict[str, tuple[DeadLetters, str]] = {
            each: (bus, each) for each in self._names
        }
        if refused is not None:
            self._letters |= {OUTBOX_PREFIX + each: (refused, each) for each in outboxes}

    async def all(self) -> list[Queue]:
        """Give every queue as it is now."""
        queues = [
            Queue(
                name,
                await self._bus.backlog(name),
                await self._bus.dead_letters(name),
                self._pauses.is_paused(name),
            )
            for name in self._names
        ]
        for name, (refused, outbox) in self._letters.items():
            if name not in self._names and (count := await refused.dead_letters(outbox)):
                queues.append(Queue(name, 0, count, paused=False))
        return queues

    async def dead_letters(self, subscription: str, limit: int) -> list[GivenUp]:
        """List up to `limit` messages that were given up, oldest first; 0 means 100."""
        most = self._checked(subscription, limit)
        source, name = self._letters[subscription]
        letters = await source.list_dead_letters(name, limit=most)
        return [_shown(each) for each in letters]

    async def contents(self, subscription: str, ids: Sequence[str], limit: int) -> list[Content]:
        """Read dead letters whole, oldest first: those named, else up to `limit`; 0 means 100.

        Raises `NotFoundError` (`DEAD_LETTER_NOT_FOUND`) where one that is named is not among the
        oldest 1000.
        """
        most = self._checked(subscription, limit)
        if len(ids) > MAX_NAMED:
            raise InvalidArgumentError("ids", f"must be {MAX_NAMED} at most, are {len(ids)}")
        source, name = self._letters[subscription]
        letters = await source.list_dead_letters(name, limit=MAX_LIMIT if ids else most)
        if missing := set(ids) - {each.id for each in letters}:
            named = min(missing)
            raise NotFoundError(
                f"{subscription} has no dead letter {named}",
                reason=Reason.DEAD_LETTER_NOT_FOUND,
                metadata={"subscription": subscription, "id": named},
            )
        return [_content(each) for each in letters if not ids or each.id in ids]

    async def redrive(self, subscription: str, limit: int) -> int:
        """Put up to `limit` dead letters back, oldest first; 0 means 100. Gives how many."""
        most = self._checked(subscription, limit)
        source, name = self._letters[subscription]
        return await source.redrive(name, limit=most)

    async def drop(self, subscription: str, ids: Sequence[str]) -> int:
        """Forget 1 to 40 dead letters for good; gives how many of them there were. Idempotent."""
        self._checked(subscription, 0)
        if not 1 <= len(ids) <= MAX_NAMED:
            raise InvalidArgumentError("ids", f"must be 1 to {MAX_NAMED}, are {len(ids)}")
        source, name = self._letters[subscription]
        return await source.drop_dead_letters(name, ids)

    async def pause(self, names: Iterable[str]) -> None:
        """Take nothing more from these, in no process; what is in hand goes on. Idempotent."""
        await self._pauses.set_paused(self._known(names), paused=True)

    async def resume(self, names: Iterable[str]) -> None:
        """Undo pauses. Idempotent."""
        await self._pauses.set_paused(self._known(names), paused=False)

    def paused(self) -> Mapping[str, bool]:
        """Give each subscription, and whether it is paused: all are while that was never read."""
        return {name: self._pauses.is_paused(name) is not False for name in self._names}

    def _known(self, names: Iterable[str]) -> list[str]:
        wanted = sorted(set(names))
        if not wanted:
            raise InvalidArgumentError("subscriptions", "must name one at least")
        for name in wanted:
            if name not in self._names:
                among = ", ".join(self._names)
                raise InvalidArgumentError("subscriptions", f"{name!r} is not one of {among}")
        return wanted

    def _checked(self, subscription: str, limit: int) -> int:
        if subscription not in self._letters:
            raise InvalidArgumentError("subscription", f"must be one of {', '.join(self._letters)}")
        if not 0 <= limit <= MAX_LIMIT:
            raise InvalidArgumentError("limit", f"must be 1 to {MAX_LIMIT}, got {limit}")
        return limit or DEFAULT_LIMIT


def _shown(letter: DeadLetter) -> GivenUp:
    fields = islice((letter.raw or {}).items(), SHOWN_FIELDS)
    return GivenUp(
        letter.id,
        letter.reason[:SHOWN_REASON_CHARS],
        tuple((name[:SHOWN_BYTES], value[:SHOWN_BYTES]) for name, value in fields),
    )


def _content(letter: DeadLetter) -> Content:
    # Attributes may be text that nothing can encode: whoever wrote them meant no harm, or did.
    attributes = {
        _encodable(name): _encodable(text)
        for name, text in islice(letter.message.attributes.items(), MAX_ATTRIBUTES)
    }
    data = letter.message.data
    return Content(_shown(letter), attributes, data[:MAX_DATA_BYTES], len(data))


def _encodable(text: str) -> str:
    return text[:ATTRIBUTE_CHARS].encode(errors="backslashreplace").decode()
