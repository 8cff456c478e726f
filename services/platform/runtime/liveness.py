"""When a process is taken for hung, and restarted: one declaration for the supervisor and kubelets.

Whether it lives is no question of what it does: see `readiness` for that. A process lives while its
event loop turns, whatever of others is away.
"""

from typing import Final

__all__ = ["FAILURES", "FOUND_WITHIN_S", "HUNG_GRACE_S", "PERIOD_S", "STARTING", "TIMEOUT_S"]

PERIOD_S: Final = 5
"""Between looks at a process."""
TIMEOUT_S: Final = 4
"""What is asked has this long to answer: many times what it takes on a machine that is busy."""
FAILURES: Final = 3
"""Looks in a row without a sign of life. Nothing of ours keeps an event loop for a second; a stop
of ten, such as one of a debugger or a disk, is survived."""
STARTING: Final = 24
"""As many for one that has given none since it began: a start that takes longer never ends."""
FOUND_WITHIN_S: Final = FAILURES * PERIOD_S + TIMEOUT_S
"""From the moment that a process hangs until it is asked to end: the next look comes within a
period, and the third fails two periods and a timeout later."""
HUNG_GRACE_S: Final = 5
"""From SIGTERM to SIGKILL of a process that hangs. It can drain nothing. One that only was slow may
end well, and what ends a hung Envoy needs half of it."""
