"""How edges change: those that wait together, in one read and one commit.

Changes of one edge are made one after the other within this process. Another process's are seen
once they are stored; what is decided there at the same moment is ordered by the dates of the rows,
so that an answer without an error means that the change took effect, or that a later one did.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog

from services.engagement.admission import Admission
from services.engagement.arguments import no_user
from services.engagement.model import Change, Commit, Edge, EdgeState
from services.engagement.ports import EdgeStore, IdSource, Users, ViewerStates
from services.platform.error_reasons import Reason
from services.platform.errors import FailedPreconditionError
from services.platform.ids.snowflake_time import time_ms, worker
from services.platform.observability.log_events import EVENT_ENGAGEMENT_OUT_OF_ORDER
from services.platform.runtime.joined import answered, fail, give

__all__ = ["MOST_TOGETHER", "Changes"]

MOST_TOGETHER: Final = 250
"""Changes of one group: some milliseconds of the engine, and one call to the tweet service."""
OF_ONE_TWEET: Final = 125
"""Changes of one tweet in a group, as long as others wait: a tweet that everybody likes at once
holds up no other by more than a group."""
LINGER_S: Final = 0.25
"""Longest that a group waits for the one before, in seconds, should that not be answered: it holds
up changes of its own edges alone."""
WAIT_S: Final = 20.0
"""For a change and those before it, where no deadline is nearer. Each call is bounded by three
seconds."""
LAST_MS: Final = time_ms((1 << 63) - 1)
"""The last time that an id can have, in Unix milliseconds (2093). What is dated beyond was written
by no change."""

Asked = TypeVar("Asked")
Found = TypeVar("Found")

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, eq=False)
class _Wanted:
    """A change that somebody waits for."""

    edge: Edge
    standing: bool
    by_user: bool
    """Whether it is the user who asks, who then must exist."""
    context: Context
    """Of the request, with its deadline and its trace."""
    made: asyncio.Future[None]
    """Done early where the request has given up."""


@dataclass(frozen=True, slots=True)
class _Missing:
    """What there is not, of what was asked for; or why that is not known."""

    tweets: Mapping[Edge, Exception] | Exception
    """What bars each edge that must not come to be."""
    users: frozenset[int] | Exception


class Changes:
    """Makes changes of users' edges. For one event loop."""

    def __init__(
        self,
        store: EdgeStore,
        ids: IdSource,
        admission: Admission,
        users: Users,
        viewers: ViewerStates,
    ) -> None:
        self._store = store
        self._viewers = viewers
        self._ids = ids
        self._admission = admission
        self._users = users
        self._waiting: list[_Wanted] = []
        self._held: set[Edge] = set()
        self._going: asyncio.Task[None] | None = None
        self._making: set[asyncio.Task[None]] = set()
        # Edges whose last change failed, and its date: it may yet take effect, so what the store
        # says of them cannot be relied on. Few, as an engine that is down fails the read before.
        self._in_doubt: dict[Edge, int] = {}

    async def make(self, edge: Edge, *, standing: bool, by_user: bool = True) -> None:
        """Have an edge stand, or not; nothing is written or published where that is so already.

        Its user must exist, unless it is not `by_user` that this is made, and to stand its tweet
        too: `NotFoundError` (`USER_NOT_FOUND`, `TWEET_NOT_FOUND`). Raises `UnavailableError` when
        the outcome is open, and `FailedPreconditionError` (`EDGE_OUT_OF_ORDER`) for a change that
        could not take effect.
        """
        made: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Wanted(edge, standing, by_user, copy_context(), made))
        if self._going is None:
            # It begins at the next turn of the loop, so that this turn's changes go together.
            self._going = asyncio.create_task(self._in_groups(), context=Context())
        await answered(made, WAIT_S, "The change was not made in time.")

    async def _in_groups(self) -> None:
        try:
            while group := self._take():
                # Alone it has the deadline and the trace of its request.
                context = group[0].context.copy() if len(group) == 1 else Context()
                task = asyncio.create_task(self._make(group), context=context)
                # Nobody else may hold it, and the event loop alone does not.
                self._making.add(task)
                task.add_done_callback(self._making.discard)
                await asyncio.wait([task], timeout=LINGER_S)
        finally:
            self._going = None

    def _take(self) -> list[_Wanted]:
        """Take those that can be made now, one of each edge; of an edge the first goes first."""
        waiting = [wanted for wanted in self._waiting if not wanted.made.done()]
        closed, of_tweet = set(self._held), Counter[int]()
        free, more = list[_Wanted](), list[_Wanted]()
        for wanted in waiting:
            if wanted.edge not in closed:
                of_tweet[wanted.edge.tweet_id] += 1
                fair = of_tweet[wanted.edge.tweet_id] <= OF_ONE_TWEET
                (free if fair else more).append(wanted)
            closed.add(wanted.edge)
        taken = [*free, *more][:MOST_TOGETHER]
        chosen = set(taken)
        self._waiting = [wanted for wanted in waiting if wanted not in chosen]
        self._held.update(wanted.edge for wanted in taken)
        return taken

    async def _make(self, group: Sequence[_Wanted]) -> None:
        try:
            await self._make_known(group)
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait
            for wanted in group:
                fail(wanted.made, error)
        finally:
            self._held.difference_update(wanted.edge for wanted in group)
            if self._waiting and self._going is None:
                # Some may have waited for these.
                self._going = asyncio.create_task(self._in_groups(), context=Context())

    async def _make_known(self, group: Sequence[_Wanted]) -> None:
        """Make the changes, and tell each who waits how that went."""
        missing, states = await asyncio.gather(
            self._missing(group), self._store.states([wanted.edge for wanted in group])
        )
        commits: dict[_Wanted, Commit] = {}
        settled: list[_Wanted] = []
        for wanted in group:
            try:
                if wanted.by_user:
                    _check_exist(wanted, missing)
                commit = await self._decided(wanted, states[wanted.edge])
            except Exception as error:  # noqa: BLE001 - it belongs to the one who asked for it
                fail(wanted.made, error)
                continue
            # What was given up meanwhile is not made: an erasure relies on a like being made soon
            # after its user was found.
            if commit is None:
                settled.append(wanted)
            elif not wanted.made.done():
                commits[wanted] = commit
        try:
            if commits:
                # At once: what has just been found to exist may be gone in a while.
                await self._commit(list(commits.values()))
        finally:
            await self._answer(settled)
        await self._answer(commits)

    async def _answer(self, made: Collection[_Wanted]) -> None:
        """Have readers see what is made, then say that it is.

        Also where nothing was to be done: the try before may have died between the two.
        """
        if made:
            await self._viewers.forget({wanted.edge.actor_id for wanted in made})
        for wanted in made:
            give(wanted.made, None)

    async def _missing(self, group: Sequence[_Wanted]) -> _Missing:
        """Ask which tweets and users there are not of those that must be."""
        asking = [wanted for wanted in group if wanted.by_user]
        tweets, users = await asyncio.gather(
            _asked(self._admission.barred, (each.edge for each in asking if each.standing), dict),
            _asked(self._users.missing, (each.edge.actor_id for each in asking), frozenset),
        )
        return _Missing(tweets, users)

    async def _decided(self, wanted: _Wanted, state: EdgeState) -> Commit | None:
        edge = wanted.edge
        doubtful_ms = self._in_doubt.get(edge, 0)
        if state.standing == wanted.standing and not state.torn and not doubtful_ms:
            return None
        op_id = await self._ids.next_id()
        return Commit(
            op_id,
            Change(edge, wanted.standing, _dated(op_id, edge, max(state.written_ms, doubtful_ms))),
            wanted.context,
        )

    async def _commit(self, commits: Sequence[Commit]) -> None:
        dates = {each.change.edge: each.change.at_ms for each in commits}
        self._in_doubt |= dates
        await self._store.commit(commits)
        for edge in dates:
            del self._in_doubt[edge]


def _dated(op_id: int, edge: Edge, written_ms: int) -> int:
    """Date a change after what it overwrites, whatever clocks say.

    The step differs from process to process: of two that read the same and go on from it at once,
    one is later on both cells.
    """
    at_ms = time_ms(op_id)
    if written_ms >= at_ms:
        at_ms = written_ms + 1 + worker(op_id)
    if at_ms <= LAST_MS:
        return at_ms
    metadata = {
        "kind": edge.kind.name.lower(),
        "user_id": str(edge.actor_id),
        "tweet_id": str(edge.tweet_id),
    }
    _log.error(EVENT_ENGAGEMENT_OUT_OF_ORDER, **metadata)
    raise FailedPreconditionError(
        f"what user {edge.actor_id} did with tweet {edge.tweet_id} is dated so far ahead that no"
        " change of it can come after",
        reason=Reason.EDGE_OUT_OF_ORDER,
        metadata=metadata,
    )


async def _asked(
    ask: Callable[[list[Asked]], Awaitable[Iterable[Any]]],
    about: Iterable[Asked],
    kept: Callable[[Iterable[Any]], Found],
) -> Found | Exception:
    """Ask about these, each once; give the error that this raises: it belongs to who asks."""
    wanted = list(dict.fromkeys(about))
    try:
        return kept(await ask(wanted) if wanted else ())
    except Exception as error:  # noqa: BLE001 - see above
        return error


def _check_exist(wanted: _Wanted, missing: _Missing) -> None:
    """Raise what keeps the change from being made."""
    edge = wanted.edge
    if isinstance(missing.users, Exception):
        raise missing.users
    if edge.actor_id in missing.users:
        raise no_user(edge.actor_id)
    if not wanted.standing:
        return
    if isinstance(missing.tweets, Exception):
        raise missing.tweets
    if error := missing.tweets.get(edge):
        raise error
