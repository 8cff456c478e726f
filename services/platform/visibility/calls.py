"""What whoever shows tweets calls."""

from typing import Final

__all__ = ["SIGHT_CALLS"]

SIGHT_CALLS: Final = ("aviary.graph.v1.GraphService/LookupSights",)
"""For the `calls` of a service's declaration; what draws tweets has them by `drawing_calls`."""
