"""How many wrong passwords may be tried on one account, by all processes of the issuer together.

A guess is counted before the password is looked at, or many at once would all be let through; the
right password is taken off again. Counters are cells that stores add to atomically, one for each
subject and window, so nothing here depends on which process was asked.

Who holds up an account must not lock its owner out. So strangers share one budget for each handle,
whether it has an account or not; a browser that logged in to the account before, and a session,
have budgets of their own; and whoever did a proof of work goes on.
"""

from dataclasses import dataclass
from typing import Final

from services.identity.model import digest
from services.identity.store import IdentityStore
from services.platform.error_reasons import Reason
from services.platform.errors import TooManyRequestsError
from services.platform.runtime.clock import Clock
from services.platform.security.step_up import CHALLENGES

__all__ = ["FREE_GUESSES", "WINDOW_MS", "Guess", "Guesses", "of_device", "of_handle", "of_session"]

FREE_GUESSES: Final = 10
"""Of one subject in one window. People remember within five tries which password it was; a thousand
a day find none that sign-up takes."""

WINDOW_MS: Final = 15 * 60_000
"""How long it lasts at most that a stranger is asked for a proof: a coffee, not a day."""

_MS_PER_S: Final = 1_000


@dataclass(frozen=True, slots=True)
class Guess:
    """One that was counted."""

    key: str


class Guesses:
    """Counts guesses. Every method raises `UnavailableError` when the engine is gone."""

    def __init__(self, store: IdentityStore, clock: Clock) -> None:
        self._counts = store.guesses
        self._clock = clock

    async def take(self, subject: str, *, proven: bool) -> Guess:
        """Count one guess; `TooManyRequestsError` (`STEP_UP_REQUIRED`) when there were too many.

        A proof of work (`proven`) lets it pass all the same. It says nothing of the password, and
        nothing of whether there is such an account.
        """
        window, into_ms = divmod(self._clock.now_ms(), WINDOW_MS)
        guess = Guess(f"{digest(subject)}.{window:016x}")
        count = await self._counts.add(guess.key, 1)
        if count > FREE_GUESSES and not proven:
            raise TooManyRequestsError(
                "too many wrong passwords for this account",
                reason=Reason.STEP_UP_REQUIRED,
                metadata={"challenge": CHALLENGES},
                retry_after_s=(WINDOW_MS - into_ms) / _MS_PER_S,
            )
        return guess

    async def was_right(self, guess: Guess) -> None:
        """Take one off again: it was the password."""
        await self._counts.add(guess.key, -1)


def of_handle(handle: str) -> str:
    """Name what strangers to an account are counted by: its handle, in canonical form."""
    return f"handle {handle}"


def of_device(secret: str) -> str:
    """Name a browser that has logged in to the account before."""
    return f"device {secret}"


def of_session(session: str) -> str:
    """Name a session, by its id."""
    return f"session {session}"
