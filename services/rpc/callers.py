"""Who is calling, by the certificate, and the one place that refusals are told to.

Behind a sidecar the caller's certificate ends there, and the sidecar tells what was in it.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import grpc.aio
import structlog

from services.certificates.identities import name_in
from services.errors import PermissionDeniedError
from services.rpc.status import CODES, status_of, status_trailer
from services.telemetry import EVENT_RPC_DENIED

__all__ = ["admit", "admit_or_abort", "current_caller", "report_denial", "reported"]

_log = structlog.get_logger()

_SPIFFE_KEY = "peer_spiffe_id"
"""Set by gRPC where the certificate has exactly one URI, and it is a SPIFFE id."""

_TOLD_KEY = "x-forwarded-client-cert"
"""A sidecar's header: `By=<own id>;Hash=<digest>;URI=<caller's id>`, one such for each proxy."""

_LOOPBACK = ("ipv4:127.", "ipv6:%5B::1%5D:", "ipv6:[::1]:")

# Set in the call's own task, so it ends with the call.
_caller: ContextVar[str | None] = ContextVar("caller", default=None)


def admit(
    method: str,
    callers: Collection[str],
    context: grpc.aio.ServicerContext[Any, Any],
    *,
    sidecar: bool = False,
) -> None:
    """Note who calls; raise PermissionDeniedError, and report it, if it is none of `callers`.

    With `sidecar`, whoever is on loopback is taken for it and believed; nobody else is.

    Asking gRPC costs 6 µs a call. It cannot be kept by `context.peer()`: that is an address and
    port, which after one connection may be those of another process.
    """
    name = _name_told(context) if sidecar else _name_of(context)
    _caller.set(name)
    if name not in callers:
        error = PermissionDeniedError(
            f"{name or 'this caller'} may not call {method}",
            reason="CALLER_NOT_ALLOWED",
            metadata={"method": method, "caller": name or ""},
        )
        report_denial(method, error)
        raise error


async def admit_or_abort(
    method: str,
    callers: Collection[str],
    context: grpc.aio.ServicerContext[Any, Any],
    *,
    sidecar: bool = False,
) -> None:
    """`admit` where no layer turns the error into an answer: for RPCs that stream requests."""
    try:
        admit(method, callers, context, sidecar=sidecar)
    except PermissionDeniedError as error:
        _, status = status_of(error) or (None, None)
        trailer = status_trailer(status) if status else ()
        await context.abort(CODES[PermissionDeniedError], str(error), trailer)


def current_caller() -> str | None:
    """Name in the certificate of whoever makes the current call; None where there is none."""
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


def _name_told(context: grpc.aio.ServicerContext[Any, Any]) -> str | None:
    if not context.peer().startswith(_LOOPBACK):
        return None
    told = [value for key, value in context.invocation_metadata() or () if key == _TOLD_KEY]
    if len(told) != 1 or not isinstance(told[0], str):
        return None
    # One proxy and one URI: with more, or with anything quoted, the sidecar is not set up as ours.
    parts = told[0].split(";")
    uris = [part.removeprefix("URI=") for part in parts if part.startswith("URI=")]
    plain = not any(sign in told[0] for sign in ',"')
    return name_in(uris[0]) if plain and len(uris) == 1 else None
