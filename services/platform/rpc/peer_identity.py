"""Which process calls, by the name in its certificate; and the one place that reports refusals.

Behind a sidecar the peer's certificate ends there, and the sidecar says in a header what was in it.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import grpc.aio
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from services.platform.audit.port import SIBLING_DENIED
from services.platform.error_reasons import Reason
from services.platform.errors import PermissionDeniedError
from services.platform.observability.log_events import EVENT_RPC_DENIED
from services.platform.rpc.status import CODES, status_of, status_trailer
from services.platform.security.identities import name_in
from services.platform.security.process import Security

__all__ = [
    "admit",
    "admit_or_abort",
    "certificate_shown",
    "peer_name",
    "report_denial",
    "reported",
]

_log = structlog.get_logger()

_SPIFFE_KEY = "peer_spiffe_id"
"""Set by gRPC where the certificate has exactly one URI, and it is a SPIFFE id."""

_FORWARDED_KEY = "x-forwarded-client-cert"
"""A sidecar's header: `By=<own id>;Hash=<digest>;URI=<peer's id>`, one such for each proxy."""

_URI, _HASH = "URI=", "Hash="

_CERTIFICATE_KEY = "x509_pem_cert"

_LOCAL = ("unix:", "ipv4:127.", "ipv6:%5B::1%5D:", "ipv6:[::1]:")

# Set in the call's own task, so it ends with the call.
_peer: ContextVar[str | None] = ContextVar("peer", default=None)


def admit(
    method: str,
    allowed: Collection[str],
    context: grpc.aio.ServicerContext[Any, Any],
    security: Security,
) -> None:
    """Note who calls; raise PermissionDeniedError, and report it, if it is none of `allowed`.

    Behind a sidecar, whoever is on loopback is taken for it and believed; nobody else is.

    Asking gRPC costs 6 µs a call. It cannot be kept by `context.peer()`: that is an address and
    port, which after one connection may be those of another process.
    """
    name = _name_forwarded(context) if security.sidecar else _name_of(context)
    _peer.set(name)
    if name not in allowed:
        error = PermissionDeniedError(
            f"{name or 'this caller'} may not call {method}",
            reason=Reason.CALLER_NOT_ALLOWED,
            metadata={"method": method, "caller": name or ""},
        )
        report_denial(method, error, security)
        raise error


async def admit_or_abort(
    method: str,
    allowed: Collection[str],
    context: grpc.aio.ServicerContext[Any, Any],
    security: Security,
) -> None:
    """`admit` where no interceptor answers for the error: for RPCs that stream requests."""
    try:
        admit(method, allowed, context, security)
    except PermissionDeniedError as error:
        _, status = status_of(error) or (None, None)
        trailer = status_trailer(status) if status else ()
        await context.abort(CODES[PermissionDeniedError], str(error), trailer)


def peer_name() -> str | None:
    """Give the name in the certificate of who makes the current call; None where there is none."""
    return _peer.get()


@contextmanager
def reported(method: str, security: Security) -> Iterator[None]:
    """Report the refusals that are raised in here."""
    try:
        yield
    except PermissionDeniedError as error:
        report_denial(method, error, security)
        raise


def report_denial(method: str, error: PermissionDeniedError, security: Security) -> None:
    """Log and count a call of a process that was refused, by the table or for its signature."""
    if security.denials is not None:
        who = peer_name() or ""
        facts = {"method": method, "caller": who, "reason": error.reason}
        security.denials.count(SIBLING_DENIED, facts)
    _log.warning(
        EVENT_RPC_DENIED,
        method=method,
        caller=peer_name(),
        reason=error.reason,
        detail=str(error),
    )


def certificate_shown(context: grpc.aio.ServicerContext[Any, Any], security: Security) -> str:
    """Fingerprint of the peer's certificate, SHA-256 in hex; an empty text where there is none.

    People share the name `operator` but no certificate: this is who of them it was.
    """
    if security.sidecar:
        element = next((one for one in _forwarded(context) if one.startswith(_HASH)), _HASH)
        return element.removeprefix(_HASH)
    pems = tuple(context.auth_context().get(_CERTIFICATE_KEY, ()))
    if len(pems) != 1:
        return ""
    return x509.load_pem_x509_certificate(pems[0]).fingerprint(SHA256()).hex()


def _name_of(context: grpc.aio.ServicerContext[Any, Any]) -> str | None:
    found = tuple(context.auth_context().get(_SPIFFE_KEY, ()))
    return name_in(found[0].decode()) if len(found) == 1 else None


def _name_forwarded(context: grpc.aio.ServicerContext[Any, Any]) -> str | None:
    uris = [one.removeprefix(_URI) for one in _forwarded(context) if one.startswith(_URI)]
    return name_in(uris[0]) if len(uris) == 1 else None


def _forwarded(context: grpc.aio.ServicerContext[Any, Any]) -> list[str]:
    """Return the elements of the sidecar's header; none where it is not believed."""
    if not context.peer().startswith(_LOCAL):
        return []
    headers = [value for key, value in context.invocation_metadata() or () if key == _FORWARDED_KEY]
    if len(headers) != 1 or not isinstance(headers[0], str):
        return []
    # One proxy and one URI: with more, or with anything quoted, the sidecar is not set up as ours.
    return [] if any(sign in headers[0] for sign in ',"') else headers[0].split(";")
