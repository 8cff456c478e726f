"""What bounds a commit where rows change together: how many its followers follow by then."""

from collections.abc import Sequence

from services.graph.edge_rows import ACTIVE
from services.graph.model import Change, Edge, Relation
from services.graph.spec import FOLLOWING
from services.platform.rows.keys import user_row_key
from services.platform.rows.port import Bound

__all__ = ["bounds_of", "follows_in", "follows_of"]


def follows_of(change: Change) -> tuple[Edge, ...]:
    """Give the follows that a change makes; all are of one follower where it is bounded."""
    return tuple(edge for edge in change.made if edge.relation is Relation.FOLLOW)


def bounds_of(changes: Sequence[Change]) -> list[Bound]:
    """Bound whom each follower follows; of one with several changes, by the nearest bound."""
    bounds: dict[int, tuple[int, int]] = {}
    for change in changes:
        follows = follows_of(change)
        if change.most_followed is not None and follows:
            follower = follows[0].owner_id
            most, rise = bounds.get(follower, (change.most_followed, 0))
            bounds[follower] = min(most, change.most_followed), rise + len(follows)
    return [
        Bound(FOLLOWING.name, user_row_key(follower), ACTIVE, most, rise)
        for follower, (most, rise) in bounds.items()
    ]


def follows_in(change: Change) -> frozenset[tuple[str, bytes]]:
    """Give the rows, each (table, key), of those who begin to follow by a change."""
    return frozenset((FOLLOWING.name, user_row_key(edge.owner_id)) for edge in follows_of(change))
