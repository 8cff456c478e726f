"""What the person who loads has asked for."""

from dataclasses import dataclass
from pathlib import Path

from services.cli.load.errors import LoadError

__all__ = ["DEFAULT_FOLLOWS_PER_USER", "DEFAULT_TWEETS", "DEFAULT_USERS", "Options"]

# A graph that is loaded within a minute, and has authors whom a hundred times more people follow
# than others.
DEFAULT_USERS = 1_000
DEFAULT_FOLLOWS_PER_USER = 20
DEFAULT_TWEETS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of the command; None where it was left to us."""

    edges: Path | None
    directed: bool
    users: int | None
    follows_per_user: int | None
    tweets: Path | None
    limit: int | None
    seed: int
    url: str
    token: str | None
    data_dir: Path
    prefix: str | None
    concurrency: int
    manifest: Path | None
    progress: bool

    def __post_init__(self) -> None:
        made_up = self.users is not None or self.follows_per_user is not None
        if self.edges is not None and made_up:
            raise LoadError("--users and --follows-per-user are of a made-up graph, not of --edges")
        if self.edges is None and self.directed:
            raise LoadError("--directed is about --edges")
