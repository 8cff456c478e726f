"""The end of a process when a signal asks for it, in every state of its life."""

import asyncio
import signal
from collections.abc import Coroutine
from types import FrameType
from typing import Any, Final, Self, TypeVar

__all__ = ["END_WITHIN_S", "GRACE_S", "HURRIED_END_S", "LEAVE_S", "Ending"]

Started = TypeVar("Started")

GRACE_S: Final = 10
"""For what a service has in hand when it is to end: calls, requests over HTTP, messages. Twice the
default deadline: what was accepted just before has its full time."""
LEAVE_S: Final = 3.6
"""Of these, for callers to see by the health that this is to end, and to go elsewhere: edges ask
every two seconds, and wait for 1.5. What is sent to a process that takes nothing more fails, and
nobody can say whether it was begun."""
CLOSING_S: Final = 2 * GRACE_S
"""For all that follows the calls. Messages and requests over HTTP, side by side, take `GRACE_S` and
a receive from the bus; as long again is for acks, the lease of ids and connections, each of which
may wait for a call to a sibling or a store."""
END_WITHIN_S: Final = GRACE_S + CLOSING_S
"""From the signal to the end of a service. Whoever kills what does not end (supervisor, kubelet,
Docker) must wait for longer, or it kills what was ending well."""
HURRIED_END_S: Final = CLOSING_S
"""The same from a second signal: no call is waited for any more, and all else is done as ever."""

CANCEL_AGAIN_S: Final = 3.0
"""A start that is still under way this long after it was cancelled is cancelled again: a library
has lost the cancellation (gRPC does where its call fails at that moment), or its clean-up hangs."""


class Ending:
    """Whether this process is to end, and whether in a hurry: it was asked again.

    However it hangs, the kernel ends it by SIGALRM: `within_s` after the first signal, or
    `hurried_s` after the second, whichever is sooner. That holds to the very end, so it is not
    undone.
    """

    def __init__(self, *, within_s: int, hurried_s: int) -> None:
        self._within_s = within_s
        self._hurried_s = hurried_s
        self.wanted = asyncio.Event()
        self.hurried = asyncio.Event()
        self.leave_s = 0.0
        """How long callers are given to go elsewhere: `LEAVE_S` at SIGTERM, by which one process of
        several is ended; none at Ctrl-C, which is for all of them."""

    @classmethod
    def by_signals(cls, *, within_s: int, hurried_s: int) -> Self:
        """Take SIGINT, SIGTERM and SIGHUP from now on; needs a running loop, in the main thread.

        SIGHUP, of a terminal that closes, is no second signal: it comes twice, from the shell and
        the kernel. Where it is ignored, as by `nohup`, it stays so.
        """
        ending = cls(within_s=within_s, hurried_s=hurried_s)
        loop = asyncio.get_running_loop()

        def asked(number: int, _frame: FrameType | None) -> None:
            if number == signal.SIGHUP:
                signal.signal(number, signal.SIG_IGN)
                if ending.wanted.is_set():
                    return
            # Here and not on the loop, which something may be blocking.
            left_s = signal.alarm(hurried_s if ending.wanted.is_set() else within_s)
            if 0 < left_s < hurried_s:
                signal.alarm(left_s)  # who is in a hurry does not put the end off
            if number == signal.SIGTERM and not ending.wanted.is_set():
                ending.leave_s = LEAVE_S
            loop.call_soon_threadsafe(ending.ask)

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, asked)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, asked)
        return ending

    def ask(self) -> None:
        """Want the end; asked again, in a hurry."""
        (self.hurried if self.wanted.is_set() else self.wanted).set()

    async def unless_wanted(self, start: Coroutine[Any, Any, Started]) -> Started | None:
        """Give what `start` does; None where the end is wanted first, and `start` came to nothing.

        It is cancelled for that, and then once more every `CANCEL_AGAIN_S`.
        """
        starting = asyncio.create_task(start, name="start")
        waiting = asyncio.create_task(self.wanted.wait(), name="end-wanted")
        try:
            await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
            while not starting.done():
                starting.cancel()
                await asyncio.wait({starting}, timeout=CANCEL_AGAIN_S)
        finally:
            waiting.cancel()
        # Asked to end, it may as well have failed by what it waited for.
        failed = starting.cancelled() or starting.exception() is not None
        return None if failed and self.wanted.is_set() else starting.result()
