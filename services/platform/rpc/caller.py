"""Who calls: a request from outside speaks for the caller that the edge has identified.

The edge marks every call from outside with the caller's scopes and, when a user's token was shown,
with the user's id; clients cannot set either. A call without the mark is a sibling's, and siblings
say whom they act for. Which field of a request names the caller is in the contract.
"""

from collections.abc import Iterable

from aviary.edge.v1 import access_pb2
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from services.platform.errors import InvalidArgumentError, PermissionDeniedError
from services.platform.rpc.interceptors import Answer, Context, Handler

__all__ = [
    "ACT_ANY",
    "NAMED_TWICE",
    "SCOPE_KEY",
    "USER_KEY",
    "caller_field",
    "speak_for_caller",
    "user_id_of",
    "with_caller",
]

SCOPE_KEY = "x-scope"
"""Metadata: the token's scopes, separated by spaces. Present on every call from outside."""

USER_KEY = "x-user-id"
"""Metadata: the id of the user whose token was shown, in decimal digits."""

ACT_ANY = "act:any"
"""The scope of internal jobs, such as loaders: their requests name whom they act for."""

NOT_THE_CALLER = "NOT_THE_CALLER"
NAMED_TWICE = "CALLER_NAMED_TWICE"
NO_USER = "NO_USER"
MAX_ID = 2**63 - 1
MAX_ID_DIGITS = len(str(MAX_ID))


def caller_field(method: MethodDescriptor) -> str:
    """Name the field of the request that names the caller; empty if there is none."""
    return next(
        (
            field.name
            for field in method.input_type.fields
            if field.GetOptions().Extensions[access_pb2.caller]
        ),
        "",
    )


def with_caller(method: MethodDescriptor, inner: Handler) -> Handler:
    """Let a request from outside speak for nobody but its caller."""
    field = caller_field(method)
    if not field:
        return inner

    async def handle(request: Message, context: Context) -> Answer:
        speak_for_caller(request, field, context.invocation_metadata() or ())
        return await inner(request, context)

    return handle


def speak_for_caller(
    request: Message, field: str, metadata: Iterable[tuple[str, str | bytes]]
) -> None:
    """Put the caller into `field` of a request from outside, where it was left out.

    Raises `PermissionDeniedError` when it names somebody else, when no user calls, or when the
    marks are there twice, and `InvalidArgumentError` when one who may act for anybody names nobody.
    """
    marks: dict[str, str] = {}
    for key, value in metadata:
        if key in {SCOPE_KEY, USER_KEY}:
            if key in marks:
                # The edge sets each once: somebody else has set the other.
                raise PermissionDeniedError("the caller is named twice", reason=NAMED_TWICE)
            marks[key] = str(value)
    scope, user = marks.get(SCOPE_KEY), marks.get(USER_KEY, "")
    if scope is None:
        return
    named: int = getattr(request, field)
    if ACT_ANY in scope.split():
        if named == 0:
            raise InvalidArgumentError(field, f"must be given with the scope {ACT_ANY}")
        return
    caller = user_id_of(user)
    if caller == 0:
        raise PermissionDeniedError("this takes the token of a user", reason=NO_USER)
    if named == 0:
        setattr(request, field, caller)
    elif named != caller:
        raise PermissionDeniedError(
            f"{field}: must be your own id, or left out",
            reason=NOT_THE_CALLER,
            metadata={"field": field},
        )


def user_id_of(text: str) -> int:
    """Read an id; 0 for what is none, such as the subject of an app's own token."""
    # Reading a number takes time by the square of its digits, and Python refuses very long ones.
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_ID_DIGITS):
        return 0
    number = int(text)
    return number if number <= MAX_ID else 0
