"""The anomaly score: raised by signals, halved by time.

A score that halves every H seconds is kept as the moment at which it will have come down to 1:
`moment = t + H * log2(score)`. Time alone never changes that number, so a list of subjects sorted
by it stays right without being touched (forward decay: Cormode and others, ICDE 2009).
"""

import math
from dataclasses import dataclass

from gateway.limits.budgets import Reputation

__all__ = ["ReputationRules"]

HALF_LIFE_S = 300.0
"""A subject that scored twice the threshold is back below it five minutes after it stopped."""

SUSPECT_SCORE = 30.0
"""Some ten refused log-ins, or thirty malformed requests, within a few minutes."""

HOSTILE_SCORE = 120.0
"""Four times that: no clumsy client gets there without going on after many refusals."""

MAX_SCORE = 1_000.0
"""The worst is forgiven too, about a quarter of an hour after it ends."""

_MS_PER_S = 1_000


@dataclass(frozen=True, slots=True)
class ReputationRules:
    """How fast a score decays, and what it means. Moments are Unix milliseconds."""

    half_life_s: float = HALF_LIFE_S
    suspect: float = SUSPECT_SCORE
    hostile: float = HOSTILE_SCORE
    most: float = MAX_SCORE

    @property
    def half_life_ms(self) -> float:
        """The half-life in milliseconds."""
        return self.half_life_s * _MS_PER_S

    @property
    def suspect_ms(self) -> int:
        """How far ahead of now the moment of a suspect is."""
        return self._ahead_ms(self.suspect)

    @property
    def hostile_ms(self) -> int:
        """How far ahead of now the moment of a hostile subject is."""
        return self._ahead_ms(self.hostile)

    @property
    def most_ms(self) -> int:
        """How far ahead of now a moment can be."""
        return self._ahead_ms(self.most)

    def reputation(self, moment_ms: float, now_ms: int) -> Reputation:
        """Say what a score means now."""
        ahead = moment_ms - now_ms
        if ahead >= self.hostile_ms:
            return Reputation.HOSTILE
        return Reputation.SUSPECT if ahead >= self.suspect_ms else Reputation.GOOD

    def _ahead_ms(self, score: float) -> int:
        return round(self.half_life_ms * math.log2(score))
