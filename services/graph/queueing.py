"""Which changes of edges are made together: all that wait, but of each edge one at a time.

Changes of one edge follow each other in the order in which they came, and none is overtaken by a
later one of an edge that it waits for.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import dataclass

from opentelemetry import context as otel_context
from opentelemetry import trace

from services.graph.model import Edge, EdgeStates, PlannedChange
from services.platform.observability import spans
from services.platform.runtime.deadlines import begin_deadline, remaining_s
from services.platform.runtime.joined import fail, give

__all__ = ["ChangeQueue", "Plan", "WantedChange", "context_of"]

MOST_TOGETHER = 250
"""Changes of one group: some milliseconds of the engine, and at most 500 viewers to be told."""
LARGE_EDGES = 16
"""A change that looks at more edges than this goes alone, so that others need not wait for it: a
list of users to follow, or the erasure of a user."""

Plan = Callable[[EdgeStates], PlannedChange | None]
"""Decides on a change by how things stand; None when there is nothing to do."""


@dataclass(frozen=True, slots=True, eq=False)
class WantedChange:
    """A change that somebody waits for."""

    edges: Sequence[Edge]
    """Those that it may change."""
    deciding: Sequence[Edge]
    """Those that it looks at besides."""
    plan: Plan
    context: Context
    """Of the request, with its deadline and its trace."""
    made: asyncio.Future[None]
    """Done early where the request has given up."""
    asking: Sequence[int] = ()
    """Users of whom it looks whether they are protected."""

    @property
    def touched(self) -> tuple[Edge, ...]:
        """All that it looks at."""
        return (*self.edges, *self.deciding)

    @property
    def is_large(self) -> bool:
        """Whether it goes alone."""
        return len(self.edges) + len(self.deciding) > LARGE_EDGES

    def succeed(self) -> None:
        """Tell who waits that it is made, and shows."""
        give(self.made, None)

    def fail(self, error: Exception) -> None:
        """Tell who waits why it is not made, or not known to be."""
        fail(self.made, error)


class ChangeQueue:
    """Changes that wait, and the edges of those that are being made. For one event loop."""

    def __init__(self) -> None:
        self._waiting: list[WantedChange] = []
        self._held: set[Edge] = set()
        # Few or none: so none looks for them at each change that comes.
        self._large = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def add(self, wanted: WantedChange) -> None:
        """Let a change wait for its turn."""
        self._waiting.append(wanted)
        self._large += wanted.is_large

    def take(self, *, large: bool) -> list[WantedChange]:
        """Take those that can be made now, small ones or large ones; their edges are held then.

        Those that nobody waits for any more are dropped.
        """
        if large and not self._large:
            return []
        taken, left = list[WantedChange](), list[WantedChange]()
        # With the edges of those that have to wait, or they would be overtaken.
        closed = set(self._held)
        for wanted in self._waiting:
            if wanted.made.done():
                continue
            fits = wanted.is_large == large and len(taken) < MOST_TOGETHER
            if fits and closed.isdisjoint(wanted.touched):
                taken.append(wanted)
                self._held.update(wanted.touched)
            else:
                left.append(wanted)
            closed.update(wanted.touched)
        self._waiting = left
        self._large = sum(wanted.is_large for wanted in left)
        return taken

    def release(self, made: Sequence[WantedChange]) -> None:
        """Let others have the edges of these."""
        for wanted in made:
            self._held.difference_update(wanted.touched)


def context_of(group: Sequence[WantedChange]) -> Context:
    """Return what a group is made in: alone, the request's own.

    Of many, the trace of the first that is recorded, and the last of their deadlines: what is made
    for a request is not made long after it.
    """
    if len(group) == 1:
        return group[0].context
    context = Context()
    left_s = [wanted.context.run(remaining_s) for wanted in group]
    if None not in left_s:
        context.run(begin_deadline, max(filter(None, left_s), default=0.0))
    for wanted in group:
        if wanted.context.run(spans.is_sampled):
            span = wanted.context.run(trace.get_current_span)
            context.run(otel_context.attach, trace.set_span_in_context(span))
            break
    return context
