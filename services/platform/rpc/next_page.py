"""Where the next page is, in a header of an answer over REST (`Link`, RFC 8288).

It is said in the initial metadata, as a reference that has a query alone: so it is of the path that
was asked for, whatever that is.
"""

from typing import Any, Final
from urllib.parse import urlencode

from google.protobuf.message import Message

__all__ = ["LINK_KEY", "say_next_page"]

LINK_KEY: Final = "link"
_CURSOR: Final = "cursor"


async def say_next_page(
    context: Any,  # noqa: ANN401 - a gRPC context, or an `HttpCall`
    request: Message,
    cursor: str | None,
    *,
    in_path: str = "",
) -> None:
    """Point to the page at `cursor` (None or empty: there is none) of what the request asks for.

    The reference has all that the request gives in its query: not `in_path`, a field of the path.
    """
    if cursor:
        given = {field.name: value for field, value in request.ListFields()}
        query = {name: value for name, value in given.items() if name not in {_CURSOR, in_path}}
        query[_CURSOR] = cursor
        await context.send_initial_metadata(((LINK_KEY, f'<?{urlencode(query)}>; rel="next"'),))
