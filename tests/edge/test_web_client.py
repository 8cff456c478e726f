"""The web client, as the edge serves it."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.envoy import WEB_CLIENT
from tests.edge.conftest import Edge, running_edge
from tests.edge.test_edge import assert_error

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPENS = (
    "/",
    "/?x=y",
    "/callback?code=c&state=s",
    "/search?q=%23birds",
    "/notifications",
    "/requests",
    "/muted-words",
    "/@ada",
    "/@ada/followers",
    "/@ada/status/1849274738291834880",
)
SHUT = ("/@", "/@ada/", "/@ada/status/x", "/searches", "/web/js/app.js")
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge() -> AsyncIterator[Edge]:
    async with running_edge(opened=401, web_client=str(WEB_CLIENT)) as running:
        yield running


async def below(edge: Edge) -> str:
    page = (await edge.client.get("/")).text
    (found,) = set(re.findall(r'"(/web/[0-9a-f]{16}/)[^"]+"', page))
    return str(found)


async def test_every_address_opens_the_page_and_needs_no_token(edge: Edge) -> None:
    page = (WEB_CLIENT / "index.html").read_text()
    for path in OPENS:
        answer = await edge.client.get(path)
        assert answer.status_code == 200, path
        folder = await below(edge)
        assert answer.text == page.replace('"/web/', f'"{folder}')
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
    for path in SHUT:
        assert_error(await edge.client.get(path), 404, 5)


async def test_nothing_but_its_own_scripts_may_run(edge: Edge) -> None:
    said = (await edge.client.get("/")).headers["content-security-policy"]
    policy = dict(one.strip().split(" ", 1) for one in said.split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in said
    page = (WEB_CLIENT / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*src=)|<style| on[a-z]+=| style=", page)


async def test_its_files_are_kept_for_good_under_their_digest(edge: Edge) -> None:
    folder = await below(edge)
    files = [one for one in WEB_CLIENT.rglob("*") if one.is_file() and one.suffix != ".html"]
    assert len(files) > 20
    for file in files:
        answer = await edge.client.get(folder + file.relative_to(WEB_CLIENT).as_posix())
        assert answer.content == file.read_bytes(), file
        assert answer.headers["content-type"].startswith(TYPES[file.suffix])
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        if len(answer.content) > 2048:
            assert answer.headers["content-encoding"] == "gzip"
    assert_error(await edge.client.get(f"{folder}js/none.js"), 404, 5)
    assert_error(await edge.client.get(f"{folder}../index.html"), 404, 5)


async def test_every_import_leads_to_a_file(edge: Edge) -> None:
    folder = await below(edge)
    page = (await edge.client.get("/")).text
    waiting = re.findall(r'(?:src|href)="(/[^"]+)"', page)
    seen: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = await edge.client.get(path)
        assert answer.status_code == 200, path
        imports = re.findall(r'^import .* from "\./([^"]+)";$', answer.text, re.MULTILINE)
        waiting += [f"{folder}js/{name}" for name in imports]
    served = {folder + one.relative_to(WEB_CLIENT).as_posix() for one in WEB_CLIENT.rglob("*.js")}
    assert served <= seen, "a module that nothing imports"


async def test_page_that_one_has_is_not_sent_again(edge: Edge) -> None:
    plain = await edge.client.get("/", headers={"accept-encoding": "identity"})
    etag = plain.headers["etag"]
    for path in ("/", "/@ada", f"{await below(edge)}js/app.js"):
        answer = await edge.client.get(path, headers={"if-none-match": f"W/{etag}"})
        assert (answer.status_code, answer.content) == (304, b""), path
    head = await edge.client.head("/search")
    assert (head.status_code, head.content) == (200, b"")
    assert "location" not in head.headers


async def test_it_is_only_read_and_the_api_stays_where_it_was(edge: Edge) -> None:
    for path in ("/", "/@ada", f"{await below(edge)}style.css"):
        answer = await edge.client.post(path)
        assert_error(answer, 405, 12)
        assert answer.headers["allow"] == "GET, HEAD"
    assert_error(await edge.client.get("/v1/timeline/home"), 401, 16)
    assert (await edge.client.get("/docs")).status_code == 200


async def test_edge_without_a_client_has_no_page() -> None:
    async with running_edge(opened=401) as bare:
        assert_error(await bare.client.get("/"), 404, 5)
