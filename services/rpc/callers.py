"""Who is calling, by the certificate; and the one place that refusals are told to."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import grpc.aio
import structlog

from services.certificates.identities import name_in
from services.errors import PermissionDeniedError
from services.telemetry import EVENT_RPC_DENIED

__all__ = ["admit", "current_caller", "report_denial", "reported"]

_log = structlog.get_logger()

_SPIFFE_KEY = "peer_spiffe_id"
"""Set by gRPC where the certificate has exactly one URI, and it is a SPIFFE id."""

# Set in the call's own task, so it ends with the call.
_caller: ContextVar[str | None] = ContextVar("caller", default=None)


def admit(
    method: str, callers: Collection[str], context: grpc.aio.ServicerContext[Any, Any]
) -> None:
    """Note who calls; raise PermissionDeniedError, and report it, if it is none of `callers`.

    Asking gRPC costs 6 µs a call. It cannot be kept by `context.peer()`: that is an address and
    port, which after one connection may be those of another process.
    """
    name = _name_of(context)
    _caller.set(name)
    if name not in callers:
        error = PermissionDeniedError(
            f"{name or 'this caller'} may not call {method}",
            reason="CALLER_NOT_ALLOWED",
            metadata={"method": method, "caller": name or ""},
        )
        report_denial(method, error)
        raise error


def current_caller() -> str | None:
    """Name in the certificate of whoever makes the current call; None without certificates."""
    return _caller.get()


@contextmanager
def reported(method: str) -> Iterator[None]:
    """Report the refusals that are raised in here."""
    try:
        yield
    except PermissionDeniedError as error:
        report_denial(method, error)
        raise


def report_denial(method: str, error: PermissionDeniedError) -> None:
    """Tell that a call between processes was refused, by the table or for its signature."""
    _log.warning(
        EVENT_RPC_DENIED,
        method=method,
        caller=current_caller(),
        reason=error.reason,
        detail=str(error),
    )


def _name_of(context: grpc.aio.ServicerContext[Any, Any]) -> str | None:
    found = tuple(context.auth_context().get(_SPIFFE_KEY, ()))
    return name_in(found[0].decode()) if len(found) == 1 else None
