"""What is posted and not yet delivered."""

import sqlite3
from pathlib import Path

from aviary.fanout.v1 import fanout_service_pb2 as pb
from aviary.fanout.v1 import fanout_service_pb2_grpc as stubs

from bench.errors import BenchError

__all__ = ["undelivered", "unsent"]

OUTBOXES = (("tweet", "tweet_outbox"), ("graph", "graph_outbox"))


async def undelivered(data_dir: Path, fanout: "stubs.FanoutServiceAsyncStub") -> int:
    """Count what outboxes and queues of an Aviary hold; `BenchError` if something was given up."""
    # Outboxes first: what leaves them meanwhile is then counted in a queue.
    waiting = unsent(data_dir)
    answer = await fanout.GetBacklog(pb.GetBacklogRequest())
    for queue in answer.queues:
        if queue.dead_letters:
            request = pb.ListDeadLettersRequest(subscription=queue.subscription)
            letters = (await fanout.ListDeadLetters(request)).dead_letters
            raise BenchError(f"{queue.subscription} gave up: {letters[0].reason}")
    return waiting + sum(queue.messages for queue in answer.queues)


def unsent(data_dir: Path) -> int:
    """Count what outboxes hold."""
    return sum(_rows(data_dir / f"{owner}.db", table) for owner, table in OUTBOXES)


def _rows(path: Path, table: str) -> int:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        (count,) = connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()  # noqa: S608
    finally:
        connection.close()
    return int(count)
