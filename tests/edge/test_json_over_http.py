"""Reads over HTTP/1.1 answer as if Envoy's transcoder had translated them: queries and errors."""

import random
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import grpc
import httpx
import pytest
import pytest_asyncio
from aviary.timeline.v1 import timeline_service_pb2 as pb
from google.api.httpbody_pb2 import HttpBody

from bench.reference.contracts import translated_by_the_edge
from gateway.envoy.contracts import Contracts
from services.platform.composition.dependencies import service_of
from services.platform.error_reasons import Reason
from services.platform.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    TooManyRequestsError,
    UnavailableError,
)
from services.platform.rpc.server import Servicer
from services.platform.rpc.status import deadline_status, internal_status, status_trailer
from tests.edge.conftest import DESCRIPTOR, as_json
from tests.edge.two_edges import assert_same, two_edges

pytestmark = pytest.mark.asyncio(loop_scope="module")

ODD = (
    *("0", "-0", "00", "1", "01", "+1", "%2B1", "-1", "--1", "+-1", "1-", "", "+", "-", "%31"),
    *("1.0", "1.5", "1e3", "1E400", "0x10", "1_0", "1L", "NaN", "inf", "true", "null", "%201"),
    *("1%20", "%D9%A1", "%22%31%22", "%5C", "%5C%22", "%3C%27%26%2F%60", "a%25b", "1=2", "1;a=2"),
    *("%E2%80%A8", "%F0%9F%98%80", "%EF%BB%BF1", "%C2%85", "%C2%AD", "%7F", "%EF%BF%BF"),
    *("%ed%a0%80", "%ed%a0%80%5C%22%3C", "%F4%90%80%80", "%E0%80%80", "a{b}|c^", "'", "\u00e9"),
    *("2147483647", "2147483648", "-2147483648", "-2147483649", "9223372036854775807"),
    *("9223372036854775808", "-9223372036854775808", "-9223372036854775809", "9" * 500),
    *("0" * 500 + "7", "%", "%zz", "%3", "%00", "%0A1", "%C0%80", "%f5", "a+b", "-_aZ09"),
)
PAIRS = 150
REASON = next(iter(Reason))
ERRORS: tuple[Exception, ...] = (
    InvalidArgumentError("limit", 'is "odd" <\u2028> \U0001f600 \\'),
    NotFoundError("no such\n thing", reason=REASON, metadata={"tweet_id": "7"}),
    AlreadyExistsError("taken", reason=REASON),
    FailedPreconditionError("not now", reason=REASON),
    PermissionDeniedError("not yours", reason=REASON, metadata={"field": "a\u00e9"}),
    TooManyRequestsError("slow down", reason=REASON, metadata={}, retry_after_s=2.5),
    UnavailableError("gone"),
    UnavailableError("gone", retry_after_s=0.125),
    RuntimeError("a bug"),
)


class Timelines:
    """Says in a tweet's text what it was asked, or fails as a test wants it to."""

    def __init__(self) -> None:
        self.fails: Exception | grpc.StatusCode | None = None

    async def GetHomeTimeline(  # noqa: N802
        self, request: pb.GetHomeTimelineRequest, context: Any
    ) -> pb.GetHomeTimelineResponse:
        if isinstance(self.fails, Exception):
            raise self.fails
        if self.fails is not None:
            _, status = internal_status()
            status.code = self.fails.value[0]
            await context.abort(self.fails, status.message, status_trailer(status))
        asked = pb.GetHomeTimelineResponse()
        asked.tweets.add(tweet_id=request.user_id, text=f"{request.limit} {request.cursor}")
        return asked

    async def GetHomeTimelineJson(  # noqa: N802
        self, request: pb.GetHomeTimelineRequest, context: Any
    ) -> HttpBody:
        return as_json(await self.GetHomeTimeline(request, context))

    async def GetUserTimeline(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        raise AssertionError

    GetUserTimelineJson = RebuildHomeTimeline = GetUserTimeline


class Both(NamedTuple):
    """The same service behind two edges."""

    timelines: Timelines
    translated: httpx.AsyncClient
    over_http: httpx.AsyncClient

    async def ask(self, query: str) -> httpx.Response:
        """Ask both, and give the answer, which must be the same."""
        path = f"/v1/timeline/home{query}"
        theirs, ours = await self.translated.get(path), await self.over_http.get(path)
        assert_same(theirs, ours, query)
        return ours


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Both]:
    changed = tmp_path_factory.mktemp("contracts") / "descriptor.pb"
    changed.write_bytes(translated_by_the_edge(DESCRIPTOR.read_bytes()))
    timelines = Timelines()
    servicer = Servicer(service_of(pb.DESCRIPTOR), timelines)
    translated = {"descriptor_path": changed, "contracts": Contracts.read(changed)}
    async with two_edges("timeline", servicer, translated=translated) as clients:
        yield Both(timelines, *clients)


@pytest.fixture(autouse=True)
def _in_order(both: Both) -> None:
    both.timelines.fails = None


@pytest.mark.parametrize("name", ["user_id", "limit", "cursor"])
async def test_odd_values_are_read_as_the_transcoder_reads_them(both: Both, name: str) -> None:
    statuses = {(await both.ask(f"?{name}={value}")).status_code for value in ODD}
    assert statuses == {200, 400}


async def test_odd_queries_are_read_as_the_transcoder_reads_them(both: Both) -> None:
    rng = random.Random(48)  # noqa: S311 - the same queries each time
    for _ in range(PAIRS):
        names = rng.sample(("user_id", "limit", "cursor"), k=rng.randrange(1, 4))
        parts = [f"{name}={rng.choice(ODD)}" for name in names]
        parts += rng.choices(("", "", "limit=1", "foo=1", "user_id", "user%5Fid=1"), k=1)
        rng.shuffle(parts)
        await both.ask("?" + "&".join(parts))
    for query in ("", "?", "?&", "?&user_id=1&&limit=2&"):
        assert (await both.ask(query)).status_code == 200


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_errors_are_answered_as_the_transcoder_answers_them(
    both: Both, error: Exception
) -> None:
    both.timelines.fails = error
    answer = await both.ask("?user_id=1")
    assert answer.status_code >= 400
    assert answer.json()["details"][0]["domain"] == "aviary"


@pytest.mark.parametrize("code", [c for c in grpc.StatusCode if c.value[0]])
async def test_codes_get_the_status_that_the_transcoder_gives_them(
    both: Both, code: grpc.StatusCode
) -> None:
    both.timelines.fails = code
    await both.ask("?user_id=1")


async def test_a_deadline_is_answered_alike(both: Both) -> None:
    both.timelines.fails = deadline_status()[0]
    assert (await both.ask("?user_id=1")).status_code == 504
