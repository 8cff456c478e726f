"""The end user: a request from outside speaks for the one whom the edge has identified.

The edge marks every call from outside with the scopes of its token and, when that is a user's, with
the user's id; clients cannot set either. A call without the mark is a sibling's, and siblings say
whom they act for. Which field of a request names the end user is in the contract.
"""

from collections.abc import Iterable

from aviary.edge.v1 import access_pb2
from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from services.platform.error_reasons import Reason
from services.platform.errors import InvalidArgumentError, PermissionDeniedError
from services.platform.ids.model import MAX_ID
from services.platform.rpc.interceptors import Answer, Context, Handler

__all__ = [
    "ACT_ANY",
    "NAMED_TWICE",
    "SCOPE_KEY",
    "USER_KEY",
    "act_for_end_user",
    "end_user_field",
    "reader_of",
    "user_id_of",
    "with_end_user",
]

SCOPE_KEY = "x-scope"
"""Metadata: the token's scopes, separated by spaces. Present on every call from outside."""

USER_KEY = "x-user-id"
"""Metadata: the id of the user whose token was shown, in decimal digits."""

ACT_ANY = "act:any"
"""The scope of internal jobs, such as loaders: their requests name whom they act for."""

NOT_THE_CALLER = Reason.NOT_THE_CALLER
NAMED_TWICE = Reason.CALLER_NAMED_TWICE
NO_USER = Reason.NO_USER
MAX_ID_DIGITS = len(str(MAX_ID))


def end_user_field(method: MethodDescriptor) -> str:
    """Give the name of the request's field that holds the end user's id; empty if there is none."""
    return next(
        (
            field.name
            for field in method.input_type.fields
            if field.GetOptions().Extensions[access_pb2.caller]
        ),
        "",
    )


def is_in_path(method: MethodDescriptor, field: str) -> bool:
    """Whether the path of the RPC over REST has the field, which so is there in each request."""
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    return verb is not None and f"{{{field}}}" in getattr(rule, verb)


def with_end_user(method: MethodDescriptor, inner: Handler) -> Handler:
    """Let a request from outside speak for nobody but its end user."""
    field = end_user_field(method)
    if not field:
        return inner

    named_by_path = is_in_path(method, field)

    async def handle(request: Message, context: Context) -> Answer:
        metadata = context.invocation_metadata() or ()
        act_for_end_user(request, field, metadata, must_be_named=named_by_path)
        return await inner(request, context)

    return handle


def act_for_end_user(
    request: Message,
    field: str,
    metadata: Iterable[tuple[str, str | bytes]],
    *,
    must_be_named: bool = False,
) -> None:
    """Put the end user into `field` of a request from outside, where it was left out.

    With `must_be_named` it must not be: `DELETE /v1/users/0` deletes nobody's account.

    Raises `PermissionDeniedError` when it names somebody else, when it has no user, or when the
    marks are there twice, and `InvalidArgumentError` when one who may act for anybody, or
    whoever must name the user, names nobody.
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
    end_user = user_id_of(user)
    if end_user == 0:
        raise PermissionDeniedError("this takes the token of a user", reason=NO_USER)
    if named == 0 and must_be_named:
        raise InvalidArgumentError(field, "must be given")
    _speak_for(end_user, request, field)


def reader_of(metadata: Iterable[tuple[str, str | bytes]] | None) -> int:
    """Give the id of the user whose token a request from outside shows; 0 for nobody.

    Nobody is an app that speaks for itself, who shows no token, and a sibling. Raises
    `PermissionDeniedError` where a mark is there twice.
    """
    marks: dict[str, str] = {}
    for key, value in metadata or ():
        if key in {SCOPE_KEY, USER_KEY}:
            if key in marks:
                raise PermissionDeniedError("the caller is named twice", reason=NAMED_TWICE)
            marks[key] = str(value)
    return user_id_of(marks.get(USER_KEY, "")) if SCOPE_KEY in marks else 0


def _speak_for(end_user: int, request: Message, field: str) -> None:
    named: int = getattr(request, field)
    if named == 0:
        setattr(request, field, end_user)
    elif named != end_user:
        raise PermissionDeniedError(
            f"{field}: must be your own id, or left out",
            reason=NOT_THE_CALLER,
            metadata={"field": field},
        )


def user_id_of(text: str) -> int:
    """Read an id; 0 for what is none, such as the subject of an app's own token, or begins with 0.

    An id has one spelling: by another one it would be missing on lists that know ids by their text.
    """
    # Reading a number takes time by the square of its digits, and Python refuses very long ones.
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_ID_DIGITS):
        return 0
    number = int(text)
    return number if str(number) == text and number <= MAX_ID else 0
