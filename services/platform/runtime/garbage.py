"""How often a process looks for cyclic garbage.

Nearly all that a call makes is freed by counting references. What the collector finds beside it is
little, yet by default it begins anew after 700 objects, and in the end walks all that was made at
start: modules, contracts, handlers.
"""

import gc
from typing import Final

__all__ = ["collect_little_at_start", "collect_seldom"]

YOUNG_OBJECTS: Final = 10_000
"""Made and not freed since the last look: some megabytes, where the default is 700 objects."""
YOUNG_LOOKS, MIDDLE_LOOKS = 20, 20
"""Looks at young objects for one at those that outlived one, and of these for one at all."""


STARTING_OBJECTS: Final = 100_000
"""The same while modules are imported, which stay: looking at them takes a tenth of their time."""


def collect_little_at_start() -> None:
    """Look less often from now on; before all else is imported."""
    gc.set_threshold(STARTING_OBJECTS, YOUNG_LOOKS, MIDDLE_LOOKS)


def collect_seldom() -> None:
    """Leave alone what is there now, as it stays, and look less often; once all is built."""
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, YOUNG_LOOKS, MIDDLE_LOOKS)
