"""The order of changes: each counts as made after all that it was decided on, whatever clocks say.

A change goes by the time of its op id, as long as that is later than the times of what it changes,
as they were read while no other change here had the edges. Where it is not, since some clock was
ahead and is right again, or is behind, the change goes on from what was read, by a step. The step
differs from process to process: of two that read the same and go on from it at once, one is later
on every cell.

Two processes that decide at once do not see each other's change. If both write the same edges, the
later time wins, whole. A follow and a block write different edges; so a block bars the follows
between the two: it dates their absence beyond whatever a follow that has not seen it can be dated.
It is stored before that, so a follow that has seen the bar sees the block too when it looks again.
"""

from services.graph.model import Change, Edge, EdgeStates, PlannedChange
from services.platform.error_reasons import Reason
from services.platform.errors import FailedPreconditionError
from services.platform.ids.snowflake_time import WORKER_COUNT, time_ms, worker

__all__ = ["BARRED_AHEAD_MS", "LAST_MS", "OUT_OF_ORDER", "dated", "may_be_barred"]

BARRED_AHEAD_MS = 3_600_000
"""How far beyond its own time a change bars others, in milliseconds: more than the clocks of two
processes differ. It costs nothing, as whoever sees it goes on from there."""

LAST_MS = time_ms((1 << 63) - 1)
"""The last time that an id can have, in Unix milliseconds (2093). What is dated beyond was written
by no change, and going on from it would leave less and less room."""

OUT_OF_ORDER = Reason.EDGE_OUT_OF_ORDER
"""The reason of the refusal."""


def dated(op_id: int, planned: PlannedChange, states: EdgeStates) -> Change:
    """Date a planned change after all that is known of its edges.

    Raises `FailedPreconditionError` (`EDGE_OUT_OF_ORDER`) if that leads beyond `LAST_MS`. Edges
    that were not read whole give `KeyError`.
    """
    at_ms, step_ms = time_ms(op_id), 1 + worker(op_id)
    later_ms = {
        edge: _refused_beyond(edge, written_ms + step_ms)
        for edge in (*planned.made, *planned.removed)
        if (written_ms := states.written_ms[edge]) >= at_ms
    }
    for edge in planned.barred:
        beyond_any_step_ms = states.written_ms[edge] + 1 + WORKER_COUNT
        later_ms[edge] = _refused_beyond(edge, max(at_ms + BARRED_AHEAD_MS, beyond_any_step_ms))
    return Change(
        op_id, planned.made, planned.removed, planned.barred, later_ms, planned.most_followed
    )


def may_be_barred(op_id: int, states: EdgeStates) -> bool:
    """Whether what was read may be the bar of a change so young that it was not seen whole."""
    return any(at_ms >= time_ms(op_id) for at_ms in states.written_ms.values())


def _refused_beyond(edge: Edge, at_ms: int) -> int:
    if at_ms <= LAST_MS:
        return at_ms
    raise FailedPreconditionError(
        f"the {edge.relation.value} of user {edge.other_id} by user {edge.owner_id} is dated so far"
        " ahead that no change of it can come after",
        reason=OUT_OF_ORDER,
        metadata={
            "relation": edge.relation.value,
            "owner_id": str(edge.owner_id),
            "other_id": str(edge.other_id),
        },
    )
