"""Where the next page is, and the one before, in a header of an answer (`Link`, RFC 8288).

It is said in the initial metadata, as references that have a query alone: so they are of the path
that was asked for, whatever that is.
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
    previous: str | None = None,
) -> None:
    """Point to the page at `cursor` of what the request asks for, and to the one at `previous`.

    None or empty: there is none. The references have all that the request gives in its query,
    numbers and texts: not `in_path`, a field of the path.
    """
    if not (cursor or previous):
        return
    # Numbers and cursors stand in a query as they are; every page pays for what is done here.
    query = "".join(
        f"{field.name}={quote(value, safe='') if isinstance(value, str) else value}&"
        for field, value in request.ListFields()
        if field.name not in {_CURSOR, in_path}
    )
    next_page = f'<?{query}{_CURSOR}={cursor}>; rel="next"' if cursor else ""
    link = f'<?{query}{_CURSOR}={previous}>; rel="prev"' if previous else ""
    link = f"{next_page}, {link}" if next_page and link else next_page or link
    await context.send_initial_metadata(((LINK_KEY, link),))
