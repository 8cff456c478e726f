"""What operators do to a running Aviary, as the audit log has it."""

import secrets
from types import TracebackType
from typing import Final, Self

from google.protobuf import text_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from services.platform.audit.port import ADMIN_CALL, ADMIN_ENDED, Audit, Fact
from services.platform.errors import AviaryError
from services.platform.rpc.status import status_of
from services.platform.security.call_table import allowed_peers
from services.platform.security.identities import OPERATOR

__all__ = ["AdminCall", "arguments", "operated"]

CALL_BYTES: Final = 4
"""Enough to distinguish the calls that are under way at once."""


class AdminCall:
    """Records a call, and what becomes of it: use it around what is done."""

    def __init__(self, audit: Audit, what: str, arguments: str, **who: Fact) -> None:
        self._audit = audit
        self._call = secrets.token_hex(CALL_BYTES)
        self._facts = {"what": what, "arguments": arguments, **who}

    def __enter__(self) -> Self:
        self._audit.record(ADMIN_CALL, call=self._call, **self._facts)
        return self

    def __exit__(
        self,
        _exc_type: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._audit.record(ADMIN_ENDED, call=self._call, outcome=_outcome(error))


def operated(method: MethodDescriptor) -> type[Message] | None:
    """Return the class of its requests, if an RPC is for operators alone and changes something."""
    changes = method.GetOptions().idempotency_level != MethodOptions.NO_SIDE_EFFECTS
    if allowed_peers(method) != {OPERATOR} or not changes:
        return None
    return GetMessageClass(method.input_type)


def arguments(request_class: type[Message], request: bytes) -> str:
    """Write a request on one line."""
    try:
        message = request_class.FromString(request)
    except DecodeError:
        return "cannot be decoded"
    return text_format.MessageToString(message, as_one_line=True)


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "OK"
    known = status_of(error) if isinstance(error, AviaryError) else None
    return type(error).__name__ if known is None else known[0].name
