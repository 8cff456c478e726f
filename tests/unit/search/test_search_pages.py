"""Where the next page of a search is."""

from typing import Any, cast

from aviary.search.v1 import search_service_pb2 as pb

from services.platform.rpc.paging import CursorCodec
from services.search.model import TweetPage
from services.search.servicer import SearchServicer
from tests.undrawn import Unmarked, undrawn


class Pages:
    """A search with one page more."""

    async def search(self, *_: object) -> TweetPage:
        return TweetPage((), 7)


class Context(Unmarked):
    def __init__(self) -> None:
        self.said: tuple[tuple[str, str], ...] = ()

    async def send_initial_metadata(self, metadata: tuple[tuple[str, str], ...]) -> None:
        self.said = metadata


async def test_it_is_of_the_same_query_in_the_same_order() -> None:
    cursors = CursorCodec(lambda: (bytes(32),))
    servicer: Any = SearchServicer(cast("Any", Pages()), cast("Any", None), cursors, undrawn())
    context = Context()
    request = pb.SearchTweetsRequest(user_id=5, query="#a я", sort="relevant")
    page = await servicer.SearchTweets(request, context)
    query = f"user_id=5&query=%23a%20%D1%8F&sort=relevant&cursor={page.next_cursor}"
    assert context.said == (("link", f'<?{query}>; rel="next"'),)
