"""The OpenAPI document and its page, as the edge serves them."""

from html.parser import HTMLParser

import pytest

from tests.edge.conftest import GENERATED, Edge
from tests.edge.test_edge import assert_error

PAGES = {
    "/openapi.json": ("openapi.json", "application/json"),
    "/docs": ("docs.html", "text/html; charset=utf-8"),
}
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_the_generated_file(edge: Edge, path: str) -> None:
    file, content_type = PAGES[path]
    answer = await edge.client.get(path)
    assert answer.status_code == 200
    assert answer.content == (GENERATED / file).read_bytes()
    assert answer.headers["content-type"] == content_type
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["x-content-type-options"] == "nosniff"
    head = await edge.client.head(path)
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_that_one_has_is_not_sent_again(edge: Edge, path: str) -> None:
    plain = await edge.client.get(path, headers={"accept-encoding": "identity"})
    packed = await edge.client.get(path)
    assert packed.headers["etag"] == f"W/{plain.headers['etag']}"
    for etag in (plain.headers["etag"], packed.headers["etag"], f'"x", {plain.headers["etag"]}'):
        answer = await edge.client.get(path, headers={"if-none-match": etag})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == plain.headers["etag"]
        assert "location" not in answer.headers
    other = await edge.client.get(path, headers={"if-none-match": '"other"'})
    assert other.status_code == 200


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_only_read(edge: Edge, path: str) -> None:
    answer = await edge.client.post(path)
    assert_error(answer, 405, 12)
    assert answer.headers["allow"] == "GET, HEAD"


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: set[str] = set()
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            assert name not in {"src", "style"}, value
            if name == "id":
                assert value not in self.ids
                self.ids.add(str(value))
            if name == "href":
                self.links.add(str(value))


async def test_the_page_needs_nothing_else_and_its_links_lead_somewhere(edge: Edge) -> None:
    answer = await edge.client.get("/docs")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    page = _Page()
    page.feed(answer.text)
    assert not {"script", "link", "img", "iframe", "form"} & page.tags
    assert "@import" not in answer.text
    assert "url(" not in answer.text
    assert {link for link in page.links if not link.startswith("#")} == {"/openapi.json"}
    assert {link[1:] for link in page.links if link.startswith("#")} <= page.ids
    document = (await edge.client.get("/openapi.json")).json()
    operations = [one for verbs in document["paths"].values() for one in verbs.values()]
    assert {one["operationId"] for one in operations} <= page.ids
