"""Muting words: a user's own list of what they do not want to read."""

from collections.abc import Callable, Collection, Sequence
from typing import Final

from services.graph.arguments import check_exist
from services.graph.changes import Changes
from services.graph.model import Change, MutedWord
from services.graph.ports import GraphEvents, GraphStore, IdSource, MutedWordStore, Users
from services.platform.error_reasons import Reason
from services.platform.errors import FailedPreconditionError, UnavailableError
from services.platform.ids.arguments import check_id
from services.platform.ids.model import MAX_ID
from services.platform.muting.words import MAX_MUTED_WORDS, folded_word, validate_muted_word
from services.platform.runtime.clock import Clock

__all__ = ["MutedWordLists"]

MAX_ATTEMPTS: Final = 20
"""Tries to change a user's words; each lost one means that another request changed them."""


class MutedWordLists:
    """The use cases about muted words. For one event loop.

    All raise `InvalidArgumentError` for an id that is not positive, `NotFoundError`
    (`USER_NOT_FOUND`) for one that names nobody, and `UnavailableError`.
    """

    def __init__(  # noqa: PLR0913 - one argument per port
        self,
        store: MutedWordStore,
        edges: GraphStore,
        changes: Changes,
        users: Users,
        events: GraphEvents,
        *,
        ids: IdSource,
        clock: Clock,
    ) -> None:
        self._store = store
        self._edges = edges
        self._changes = changes
        self._users = users
        self._events = events
        self._ids = ids
        self._clock = clock

    async def add(self, user_id: int, word: str) -> MutedWord:
        """Mute a word, unless it is muted but for case and accents; gives what is muted then.

        Raises `InvalidArgumentError` for what no text can say or is too long,
        `FailedPreconditionError` (`TOO_MANY_MUTED_WORDS`) for one more than there may be.
        """
        check_id("user_id", user_id)
        made = MutedWord(validate_muted_word(word), self._clock.now_ms())
        await check_exist(self._users, [user_id])

        def added(before: Sequence[MutedWord]) -> Sequence[MutedWord]:
            if _place(before, made.word) is not None:
                return before
            if len(before) >= MAX_MUTED_WORDS:
                raise FailedPreconditionError(
                    f"user {user_id} has muted {MAX_MUTED_WORDS} words",
                    reason=Reason.TOO_MANY_MUTED_WORDS,
                    metadata={"user_id": str(user_id), "most": str(MAX_MUTED_WORDS)},
                )
            return (*before, made)

        after = await self._change(user_id, added)
        place = _place(after, made.word)
        return made if place is None else after[place]

    async def remove(self, user_id: int, word: str) -> None:
        """Mute a word no longer; nothing changes where it is not muted.

        Raises `InvalidArgumentError` as `add` does.
        """
        check_id("user_id", user_id)
        gone = validate_muted_word(word)
        await check_exist(self._users, [user_id])

        def removed(before: Sequence[MutedWord]) -> Sequence[MutedWord]:
            place = _place(before, gone)
            return before if place is None else (*before[:place], *before[place + 1 :])

        await self._change(user_id, removed)

    async def all_of(self, user_id: int) -> Sequence[MutedWord]:
        """Read all words that a user has muted, in the order in which they were."""
        check_id("user_id", user_id)
        await check_exist(self._users, [user_id])
        return await self._read(user_id)

    async def written_by(self, user_ids: Collection[int]) -> dict[int, list[str]]:
        """Read what each of the users has muted, as they wrote it; others are left out.

        In one read, and in none for nobody.
        """
        known = [one for one in user_ids if 0 < one <= MAX_ID]
        found = await self._store.muted_words(known) if known else {}
        return {one: [each.word for each in words] for one, words in found.items()}

    async def _change(
        self, user_id: int, changed: Callable[[Sequence[MutedWord]], Sequence[MutedWord]]
    ) -> Sequence[MutedWord]:
        """Change a user's words from how they stand, and have the next reads go by it.

        Also where nothing is to change: it may be the repeat of a change whose process ended before
        it came here.
        """
        for _ in range(MAX_ATTEMPTS):
            before = await self._read(user_id)
            after = changed(before)
            if after == before:
                break
            if await self._store.replace_muted_words(user_id, before, after):
                # As after a mute: it is told on even if this process ends with a cache that hangs.
                event = self._events.relations_changed([user_id])
                await self._edges.commit(Change(await self._ids.next_id(), (), ()), event)
                break
        else:
            raise UnavailableError(f"the muted words of user {user_id} are changing too fast")
        await self._changes.forget_views([user_id])
        return after

    async def _read(self, user_id: int) -> Sequence[MutedWord]:
        return (await self._store.muted_words([user_id])).get(user_id, ())


def _place(words: Sequence[MutedWord], word: str) -> int | None:
    """Find a word among those that are muted; None where it is not."""
    wanted = folded_word(word)
    return next((at for at, each in enumerate(words) if folded_word(each.word) == wanted), None)
