"""The polls, as tiny as a service can be that uses all that it declares."""

from aviary.poll.v1 import poll_service_pb2 as pb
from aviary.tweet.v1 import tweet_service_pb2_grpc
from services.poll.spec import OPEN, POLL_EVENTS, SPEC, TALLIES, TWEETS, VOTES

from services.platform.bus.port import Message, Publisher
from services.platform.composition.dependencies import Dependencies, Served, service_of
from services.platform.flags.reading import Flags
from services.platform.rows.port import RowStore
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.rpc_client import RpcClient

COLUMN = b"n"


class Polls:
    """Counts its own events: each read of a poll publishes one, which is a vote when it arrives."""

    def __init__(self, rows: RowStore, events: Publisher, flags: Flags) -> None:
        self._rows = rows
        self._events = events
        self._flags = flags

    async def GetPoll(self, request: pb.GetPollRequest, _context: object) -> pb.GetPollResponse:  # noqa: N802
        key = b"%016x" % request.poll_id
        found = await self._rows.read_rows(VOTES.name, [key])
        votes = int.from_bytes(found[key].cells[COLUMN], "big") if key in found else 0
        await self._events.publish(POLL_EVENTS, [Message(key)])
        return pb.GetPollResponse(
            poll_id=request.poll_id, votes=votes, open=self._flags.is_on(OPEN)
        )

    async def count(self, key: bytes) -> None:
        await self._rows.increment(VOTES.name, key, COLUMN, 1)

    async def pass_over(self, _body: bytes) -> None:
        """Leave tweets as they are."""


def tweets(channel: object, _caller: RpcClient) -> tweet_service_pb2_grpc.TweetServiceStub:
    return tweet_service_pb2_grpc.TweetServiceStub(channel)


async def build(deps: Dependencies) -> Served:
    rows = await deps.rows(SPEC.name, SPEC.tables)
    polls = Polls(rows, deps.publisher(POLL_EVENTS), await deps.flags())
    await deps.client("tweet", tweets)
    deps.valkey()
    deps.cursors()
    await deps.consume(TWEETS, polls.pass_over)
    await deps.consume(TALLIES, polls.count)
    return [Servicer(service_of(pb.DESCRIPTOR), polls)]
