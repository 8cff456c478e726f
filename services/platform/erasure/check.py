"""The bus says that something is gone; its owner is asked before anything is erased for it.

A message is no proof: whoever can write to the bus can make one up, and what was erased does not
come back.
"""

import structlog

from services.platform.errors import FailedPreconditionError
from services.platform.observability.names import EVENT_ERASURE_REFUSED

__all__ = ["require_gone"]

_log = structlog.get_logger()


def require_gone(kind: str, number: int, *, lives: bool) -> None:
    """Raise `FailedPreconditionError` (`STILL_THERE`), loudly, if the owner says that it `lives`.

    `kind` is `user` or `tweet`. The message is then tried again, and at last a dead letter: an
    operator decides.
    """
    if lives:
        _log.error(EVENT_ERASURE_REFUSED, kind=kind, id=number)
        raise FailedPreconditionError(
            f"{kind} {number} is said to be deleted, and is there",
            reason="STILL_THERE",
            metadata={f"{kind}_id": str(number)},
        )
