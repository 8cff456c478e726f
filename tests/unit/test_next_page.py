"""What an answer says of the next page."""

from aviary.graph.v1.graph_service_pb2 import ListFollowersRequest
from aviary.search.v1.search_service_pb2 import SearchTweetsRequest
from aviary.timeline.v1.timeline_service_pb2 import GetHomeTimelineRequest

from services.platform.rpc.next_page import say_next_page


class Context:
    def __init__(self) -> None:
        self.said: tuple[tuple[str, str], ...] = ()

    async def send_initial_metadata(self, metadata: tuple[tuple[str, str], ...]) -> None:
        self.said = metadata


async def test_the_next_page_is_asked_for_as_this_one_was() -> None:
    context = Context()
    request = GetHomeTimelineRequest(user_id=7, limit=2, since_id=3, cursor="before")
    await say_next_page(context, request, "a-_z")
    link = '<?user_id=7&limit=2&since_id=3&cursor=a-_z>; rel="next"'
    assert context.said == (("link", link),)


async def test_what_is_in_the_path_is_not_in_the_query() -> None:
    context = Context()
    await say_next_page(context, ListFollowersRequest(user_id=7), "c", in_path="user_id")
    assert context.said == (("link", '<?cursor=c>; rel="next"'),)


async def test_texts_are_such_as_stand_in_a_query() -> None:
    context = Context()
    await say_next_page(context, SearchTweetsRequest(query='#a "b&c" >\nя', limit=2), "c")
    link = '<?query=%23a%20%22b%26c%22%20%3E%0A%D1%8F&limit=2&cursor=c>; rel="next"'
    assert context.said == (("link", link),)


async def test_the_last_page_has_no_next() -> None:
    context = Context()
    for cursor in ("", None):
        await say_next_page(context, GetHomeTimelineRequest(user_id=7), cursor)
    assert context.said == ()


async def test_the_page_before_stands_beside_the_next() -> None:
    context = Context()
    request = GetHomeTimelineRequest(user_id=7, cursor="this")
    await say_next_page(context, request, "n", previous="p")
    both = '<?user_id=7&cursor=n>; rel="next", <?user_id=7&cursor=p>; rel="prev"'
    assert context.said == (("link", both),)
    await say_next_page(context, request, None, previous="p")
    assert context.said == (("link", '<?user_id=7&cursor=p>; rel="prev"'),)
