"""Where the next page is, in a header of an answer over REST (`Link`, RFC 8288).

It is said in the initial metadata, as a reference that has a query alone: so it is of the path that
was asked for, whatever that is.
"""

from typing import Any, Final
from urllib.parse import quote

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

    The reference has all that the request gives in its query, numbers and texts: not `in_path`, a
    field of the path.
    """
    if cursor:
        # Numbers and cursors stand in a query as they are; every page pays for what is done here.
        query = [
            f"{field.name}={quote(value, safe='') if isinstance(value, str) else value}"
            for field, value in request.ListFields()
            if field.name not in {_CURSOR, in_path}
        ]
        link = f'<?{"&".join([*query, f"{_CURSOR}={cursor}"])}>; rel="next"'
        await context.send_initial_metadata(((LINK_KEY, link),))
