"""The `Idempotency-Key` header, for clients that name a request outside of its body."""

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from services.platform.errors import InvalidArgumentError
from services.platform.rpc.interceptors import Answer, Context, Handler

__all__ = ["with_request_id"]

METADATA_KEY = "idempotency-key"
FIELD = "request_id"


def with_request_id(method: MethodDescriptor, inner: Handler) -> Handler:
    """Put the header's value into the request's `request_id`, where it has one and none is given.

    Two values that differ are refused with INVALID_ARGUMENT of `request_id`. Requests without the
    field are those that change nothing the second time, so for them the header changes nothing.
    """
    if FIELD not in method.input_type.fields_by_name:
        return inner

    async def handle(request: Message, context: Context) -> Answer:
        given = {
            value if isinstance(value, str) else value.decode("latin-1")
            for key, value in context.invocation_metadata() or ()
            if key == METADATA_KEY
        }
        names = {getattr(request, FIELD), *given} - {""}
        if len(names) > 1:
            raise InvalidArgumentError(FIELD, "and the Idempotency-Key header are not the same")
        for name in names:
            setattr(request, FIELD, name)
        return await inner(request, context)

    return handle
