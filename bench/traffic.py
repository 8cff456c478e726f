"""What is asked of Aviary and the references: requests as they go over a socket."""

import asyncio
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from aviary.timeline.v1 import timeline_service_pb2 as pb
from aviary.timeline.v1 import timeline_service_pb2_grpc as stubs

from bench.aviary import Aviary, channel_of_edge
from bench.context import Bench
from bench.load.plan import Plan
from bench.rpcs import AS_THE_EDGE
from services.local.readiness import HOST

__all__ = [
    "PAGE",
    "at_rate",
    "get",
    "home_pages",
    "home_reads",
    "plan_of",
    "post",
    "posts",
]

PAGE = 50
# Different bodies of one plan; they go round.
POSTS = 2_000


def get(path: str, token: str) -> str:
    """Build a GET."""
    return f"GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n"


def post(path: str, body: Mapping[str, object], token: str) -> str:
    """Build a POST of JSON, in ASCII."""
    content = json.dumps(body, separators=(",", ":"))
    return (
        f"POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n{content}"
    )


def plan_of(bench: Bench, requests: Sequence[str], *, port: int | None = None) -> Plan:
    """Plan a closed loop of these, at Aviary's edge or at another port."""
    return Plan(
        host=HOST,
        port=bench.aviary.port if port is None else port,
        requests=requests,
        connections=bench.options.connections,
        seconds=bench.options.seconds,
    )


def at_rate(plan: Plan, rate: float, connections: int = 128) -> Plan:
    """Make an open loop of a plan."""
    return replace(plan, rate=rate, connections=connections)


def home_reads(bench: Bench, viewers: Sequence[int], limit: int = PAGE) -> list[str]:
    """Read the first page of each one's home."""
    token = bench.aviary.token()
    return [get(f"/v1/timeline/home?user_id={one}&limit={limit}", token) for one in viewers]


def posts(bench: Bench, authors: Sequence[int]) -> list[str]:
    """Post texts of the world's as these authors, in turn."""
    token, texts = bench.aviary.token(), bench.world.texts
    pairs = zip(itertools.cycle(authors), itertools.islice(itertools.cycle(texts), POSTS))
    return [post("/v1/tweets", {"user_id": str(a), "text": text}, token) for a, text in pairs]


def home_pages(aviary: Aviary, viewers: Sequence[int], limit: int = PAGE) -> list[bytes]:
    """Give the pages that those reads answer with, as the timeline service encodes them."""
    return asyncio.run(_home_pages(aviary, viewers, limit))


async def _home_pages(aviary: Aviary, viewers: Sequence[int], limit: int) -> list[bytes]:
    async with channel_of_edge(aviary.data_dir, "timeline") as channel:
        timelines = stubs.TimelineServiceStub(channel)
        answers = []
        for viewer in viewers:
            request = pb.GetHomeTimelineRequest(user_id=viewer, limit=limit)
            answers.append(await timelines.GetHomeTimeline(request, metadata=AS_THE_EDGE))
    return [answer.SerializeToString() for answer in answers]
