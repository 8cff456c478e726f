"""A body is a body, whatever frames it comes in and whatever it is called: on the real Envoy."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.edge.conftest import FOUND_ID, Edge, running_edge
from tests.edge.limited_edge import issuer
from tests.edge.test_edge import assert_error

BODY = b'{"user_id":"1","text":"a"}'
CODED = "content-encoding"
TYPE = "content-type"
FORM = "application/x-www-form-urlencoded"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge() -> AsyncIterator[Edge]:
    async with (
        issuer() as port,
        running_edge(
            unauthenticated=True, limits=False, identity_http=f"127.0.0.1:{port}"
        ) as running,
    ):
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["HTTP/1.1", "HTTP/2"])
async def client(request: pytest.FixtureRequest, edge: Edge) -> AsyncIterator[httpx.AsyncClient]:
    """A client of one protocol, that names no length: it sends chunks, or frames."""
    is_2 = request.param == "HTTP/2"
    url = edge.client.base_url
    async with httpx.AsyncClient(base_url=url, http1=not is_2, http2=is_2, timeout=15) as opened:
        answer = await opened.get("/healthz")
        assert answer.http_version == request.param
        yield opened


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def parts(*several: bytes) -> AsyncIterator[bytes]:
    for one in several:
        yield one


async def send(
    client: httpx.AsyncClient, method: str, path: str, *body: bytes, **headers: str
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = client.build_request(method, path, content=parts(*body), headers=named)
    assert "content-length" not in request.headers
    return await client.send(request)


@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "text/plain",
        FORM,
        "multipart/form-data",
        "application/jsonx",
        "application/json-seq",
        "application/grpcx",
        "APPLICATION/GRPC",
        "x-application/json",
        "*/*",
    ],
)
async def test_a_body_that_does_not_say_it_is_json_is_415(
    client: httpx.AsyncClient, media_type: str | None
) -> None:
    named = {} if media_type is None else {TYPE: media_type}
    assert_error(await send(client, "POST", "/v1/tweets", BODY[:5], BODY[5:], **named), 415, 3)
    sized = await client.post("/v1/tweets", content=BODY, headers=named)
    assert_error(sized, 415, 3)


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "Application/JSON; Charset=UTF-8",
        "application/json ; charset=utf-8",
        'APPLICATION/JSON;charset="utf-8"',
    ],
)
async def test_media_types_ignore_case(client: httpx.AsyncClient, media_type: str) -> None:
    answer = await send(client, "POST", "/v1/tweets", BODY, content_type=media_type)
    assert answer.status_code == 201, answer.text
    assert answer.json()["tweet"]["text"] == "a"
    # What only a lenient reader takes, so that the strict one was there, whatever the type's case.
    lenient = await send(client, "POST", "/v1/tweets", b"{'text':'a'}", content_type=media_type)
    assert_error(lenient, 400, 3)


@pytest.mark.parametrize("media_type", [FORM, "Application/X-WWW-Form-Urlencoded; Charset=UTF-8"])
async def test_forms_are_for_the_issuer(client: httpx.AsyncClient, media_type: str) -> None:
    # The stand-in for the issuer reads bodies of a length only, which the edge gives to all.
    answer = await send(client, "POST", "/oauth/token", b"a=b", content_type=media_type)
    assert answer.status_code == 200, answer.text
    other = await send(client, "POST", "/oauth/token", b"a=b", content_type=f"{FORM}x")
    assert_error(other, 415, 3, oauth="invalid_request")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("media_type", ["application/json", "text/plain", "application/grpc-web"])
async def test_a_body_where_none_belongs_is_400(
    client: httpx.AsyncClient, method: str, media_type: str
) -> None:
    answer = await send(client, method, f"/v1/tweets/{FOUND_ID}", b"{}", content_type=media_type)
    if answer.headers[TYPE].startswith("application/grpc"):
        assert answer.headers["grpc-status"] != "0"
    else:
        assert_error(answer, 400, 3)


async def test_no_bytes_are_no_body(client: httpx.AsyncClient) -> None:
    # A last chunk, or a frame, with nothing in it.
    for body in ((), (b"",)):
        read = await send(client, "GET", f"/v1/tweets/{FOUND_ID}", *body)
        assert read.status_code == 200, read.text
        deleted = await send(client, "DELETE", "/v1/tweets/1", *body, content_type="text/plain")
        assert deleted.status_code == 200, deleted.text
        posted = await send(client, "POST", "/v1/tweets", *body)
        assert posted.status_code == 201, posted.text


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "x", "identity, gzip", ""])
async def test_a_body_in_a_content_coding_is_415(client: httpx.AsyncClient, coding: str) -> None:
    headers = {TYPE: "application/json", CODED: coding}
    answer = await send(client, "POST", "/v1/tweets", BODY, **headers)
    assert "content coding" in assert_error(answer, 415, 3)
    forms = await send(client, "POST", "/oauth/token", b"a=b", **{TYPE: FORM, CODED: coding})
    assert_error(forms, 415, 3, oauth="invalid_request")


@pytest.mark.parametrize("coding", ["identity", "Identity"])
async def test_identity_is_no_coding(client: httpx.AsyncClient, coding: str) -> None:
    headers = {TYPE: "application/json", CODED: coding}
    assert (await send(client, "POST", "/v1/tweets", BODY, **headers)).status_code == 201
