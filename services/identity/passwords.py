"""Passwords: what they may be, and how they are kept."""

import asyncio
from collections.abc import Sequence
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from services.platform.error_reasons import Reason
from services.platform.errors import InvalidArgumentError
from services.platform.text.bounded_text import MAX_EXPANSION, has_scalars_only, normalized

__all__ = ["MAX_PASSWORD_CHARS", "MIN_PASSWORD_CHARS", "Passwords"]

MIN_PASSWORD_CHARS: Final = 10
"""NIST asks for 8 and prefers length to rules about symbols; the two more cost a person little."""

MAX_PASSWORD_CHARS: Final = 128
"""Room for a passphrase; a bound, as hashing reads all of it."""

MAX_RAW_PASSWORD_CHARS: Final = MAX_EXPANSION * MAX_PASSWORD_CHARS
"""More code points cannot compose to as few characters."""

WANTED: Final = f"must have {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters"

# Argon2id as OWASP's password storage cheat sheet has it: 19 MiB, 2 passes, 1 lane. About 25 ms on
# one core here: a person does not notice, and who guesses pays memory for each guess.
MEMORY_KIB: Final = 19 * 1024
PASSES: Final = 2
LANES: Final = 1

MIN_SCORE: Final = 3
"""Of zxcvbn's 0 to 4: it takes some 10**8 guesses. That is years by the guesses that are free, and
a month of a processor by proofs of work."""

JUDGED_CHARS: Final = 32
"""What comes first is judged: if it is hard to guess, so is all of it. Judging takes time by more
than the square of the length."""

OUR_NAME: Final = "aviary"

MAX_AT_ONCE: Final = 2
"""Hashes under way in one process: its memory for them stays under 40 MiB, however many log in at
the same time, and the rest of it gets time on the processor."""


class Passwords:
    """Hashes and checks in threads, so that the event loop stays free."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(
            time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, type=Type.ID
        )
        self._gate = asyncio.Semaphore(MAX_AT_ONCE)
        self._nobodys = self._hasher.hash("of nobody")

    async def hash(self, password: str, *names: str) -> str:
        """Hash a new password with a new salt.

        Raises `InvalidArgumentError` for one that cannot be one, and (`WEAK_PASSWORD`) for one that
        is easy to guess for whoever knows the user's `names`.
        """
        checked = _checked(password)
        async with self._gate:
            await asyncio.to_thread(_check_strength, checked, names)
            return await asyncio.to_thread(self._hasher.hash, checked)

    async def rehash(self, password: str) -> str:
        """Hash one that was found to be right, with today's parameters; nobody is to change it."""
        async with self._gate:
            return await asyncio.to_thread(self._hasher.hash, _normal(password))

    async def matches(self, password: str, kept: str | None) -> bool:
        """Whether it is the password that was hashed.

        As much work for None, the hash of nobody, and for a text that cannot be a password.
        """
        try:
            shown = _normal(password)
        except InvalidArgumentError:
            shown, kept = "", None
        async with self._gate:
            verified = await asyncio.to_thread(self._verify, shown, kept or self._nobodys)
        return verified and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether it was hashed with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept)

    def _verify(self, password: str, kept: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False


def _checked(password: str) -> str:
    normal = _normal(password)
    if len(normal) < MIN_PASSWORD_CHARS:
        raise InvalidArgumentError("password", WANTED)
    return normal


def _check_strength(password: str, names: Sequence[str]) -> None:
    # Its lists of words take a process 15 MB, which one that has no new password to judge does not
    # need; this runs in a thread.
    from zxcvbn import zxcvbn  # noqa: PLC0415

    judged = zxcvbn(password[:JUDGED_CHARS], user_inputs=[*names, OUR_NAME])
    if judged["score"] < MIN_SCORE:
        why = judged["feedback"]["warning"] or "It is made of too little."
        raise InvalidArgumentError(
            "password", f"is too easy to guess: {why}", reason=Reason.WEAK_PASSWORD
        )


def _normal(password: str) -> str:
    """Give it in one form, as the same password comes in other code points from other keyboards."""
    normal = normalized(
        "password", password, most=MAX_RAW_PASSWORD_CHARS, wanted=WANTED, form="NFKC"
    )
    if len(normal) > MAX_PASSWORD_CHARS:
        raise InvalidArgumentError("password", WANTED)
    if not has_scalars_only(normal):
        raise InvalidArgumentError("password", "must not have lone surrogates")
    return normal
