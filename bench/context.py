"""What every scenario has at hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.aviary import Aviary
from bench.world import World

__all__ = ["Bench", "Options"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How large and how long."""

    rounds: int
    seconds: float
    """Of each subject in a round."""
    viewers: int
    """Whose homes are read: at most so many."""
    crowd: int
    """Followers of the author with many."""
    soak_s: float
    wide: int
    """Whom somebody follows who follows very many."""
    history: int
    """Tweets that each author has, where it matters how many there are."""
    probes: int
    """Tweets whose way to the last follower is timed."""
    tried: tuple[int, ...]
    """Numbers of connections at which saturation is searched for."""
    connections: int = 16
    """Requests under way at most, closed loop."""


@dataclass(frozen=True, slots=True)
class Bench:
    """An Aviary with people in it, and a folder for what references need."""

    aviary: Aviary
    world: World
    options: Options
    folder: Path
    idle: Mapping[str, float]
    """CPU seconds a second that each process takes with nothing to do."""

    @property
    def viewers(self) -> list[int]:
        """People of the graph who have read their home, so that it is hot."""
        return self.world.users[: self.options.viewers]
