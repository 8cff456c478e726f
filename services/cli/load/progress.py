"""Bars on stderr, one for each phase, and what each phase came to."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Never

from tqdm import tqdm

__all__ = ["Phase", "Progress"]


@dataclass(slots=True)
class Phase:
    """One phase, as far as it got."""

    name: str
    done: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        rate = self.done / self.seconds if self.seconds else 0
        return f"{self.name:<9}{self.done:>11,} in {self.seconds:,.1f} s ({rate:,.0f}/s)"


@dataclass(slots=True)
class Progress:
    """Shows bars when `shown`; when None, if stderr is a terminal."""

    shown: bool | None = None
    phases: list[Phase] = field(default_factory=list)

    @contextmanager
    def phase(self, name: str, total: int) -> Iterator["Step"]:
        """Time a phase of `total` things; it is listed however it ends."""
        phase = Phase(name)
        self.phases.append(phase)
        began = time.perf_counter()
        # tqdm reads None as: only on a terminal.
        disable = None if self.shown is None else not self.shown
        bar: tqdm[Never] = tqdm(total=total, desc=name, unit="", unit_scale=True, disable=disable)
        with bar:
            try:
                yield Step(phase, bar)
            finally:
                phase.seconds = time.perf_counter() - began


@dataclass(frozen=True, slots=True)
class Step:
    """Where a phase under way reports to."""

    _phase: Phase
    _bar: "tqdm[Never]"

    def done(self, count: int = 1) -> None:
        """Count things done."""
        self._phase.done += count
        self._bar.update(count)
