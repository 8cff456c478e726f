"""Why a load ends early, in words for the person who typed the command."""

from pathlib import Path

__all__ = ["InputError", "LoadError", "RefusedError", "UnreachableError"]


class LoadError(Exception):
    """A load cannot go on; the text says why and what to do."""


class InputError(LoadError):
    """A file is not what it should be. `line` counts from 1; 0 means the file as a whole."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        place = f"{path}, line {line}" if line else str(path)
        super().__init__(f"{place}: {problem}")


class RefusedError(LoadError):
    """The edge answered a request with an error that another try would not mend.

    `attempts` is how many tries came to that; all but the last may have been carried out.
    """

    def __init__(self, request: str, status: int, message: str, *, attempts: int) -> None:
        super().__init__(f"{request} was refused with {status}: {message}")
        self.status = status
        self.attempts = attempts


class UnreachableError(LoadError):
    """Nothing answers at the edge's address."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"no answer from {url} ({problem}); is `make run` running?")
