"""How long calls of Bigtable may take, and what their errors mean."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.cloud.bigtable.data.exceptions import MutationsExceptionGroup

from services.platform.errors import UnavailableError
from services.platform.runtime.deadlines import allowed_s

__all__ = ["CALL_TIMEOUT_S", "timeout_s", "translated"]

CALL_TIMEOUT_S = 5.0
"""Bound of one call, the client library's own repeats of idempotent requests included; the
caller's deadline may leave less."""


def timeout_s() -> float:
    """Give what is left for a call, in seconds; `UnavailableError` for nothing."""
    left_s = allowed_s(CALL_TIMEOUT_S)
    if left_s <= 0:
        # The client library takes 0 for a mistake.
        raise UnavailableError("The call's deadline is up.")
    return left_s


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Raise what Google's client raises as `UnavailableError`."""
    try:
        yield
    except (GoogleAPIError, GoogleAuthError, MutationsExceptionGroup) as error:
        raise UnavailableError("The row store cannot answer now.") from error
