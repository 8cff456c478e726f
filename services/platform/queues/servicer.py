"""QueueService over gRPC."""

# ruff: noqa: N802 - names are those of the RPCs

from collections.abc import AsyncIterator

from aviary.queue.v1 import queue_pb2
from aviary.queue.v1 import queue_service_pb2 as pb

from services.platform.queues.model import GivenUp, Queue
from services.platform.queues.service import Queues

__all__ = ["QueueServicer"]


class QueueServicer:
    """Passes operators' requests on to the queues of all services."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues

    async def ListQueues(
        self, _request: pb.ListQueuesRequest, _context: object
    ) -> pb.ListQueuesResponse:
        """List every queue."""
        return pb.ListQueuesResponse(queues=map(_queue, await self._queues.all()))

    async def ListDeadLetters(
        self, request: pb.ListDeadLettersRequest, _context: object
    ) -> pb.ListDeadLettersResponse:
        """List messages that were given up."""
        letters = await self._queues.dead_letters(request.subscription, request.limit)
        return pb.ListDeadLettersResponse(dead_letters=map(_letter, letters))

    async def ReadDeadLetters(
        self, request: pb.ReadDeadLettersRequest, _context: object
    ) -> AsyncIterator[pb.ReadDeadLettersResponse]:
        """Read messages that were given up, whole."""
        wanted = (request.subscription, request.ids, request.limit)
        for each in await self._queues.contents(*wanted):
            yield pb.ReadDeadLettersResponse(
                dead_letter=_letter(each.letter),
                attributes=each.attributes,
                data=each.data,
                data_size=each.data_size,
            )

    async def RedriveDeadLetters(
        self, request: pb.RedriveDeadLettersRequest, _context: object
    ) -> pb.RedriveDeadLettersResponse:
        """Put dead letters back into their queue."""
        redriven = await self._queues.redrive(request.subscription, request.limit)
        return pb.RedriveDeadLettersResponse(redriven=redriven)

    async def DropDeadLetters(
        self, request: pb.DropDeadLettersRequest, _context: object
    ) -> pb.DropDeadLettersResponse:
        """Forget dead letters."""
        dropped = await self._queues.drop(request.subscription, request.ids)
        return pb.DropDeadLettersResponse(dropped=dropped)

    async def PauseSubscriptions(
        self, request: pb.PauseSubscriptionsRequest, _context: object
    ) -> pb.PauseSubscriptionsResponse:
        """Take nothing more from subscriptions."""
        await self._queues.pause(request.subscriptions)
        return pb.PauseSubscriptionsResponse(pauses=self._pauses())

    async def ResumeSubscriptions(
        self, request: pb.ResumeSubscriptionsRequest, _context: object
    ) -> pb.ResumeSubscriptionsResponse:
        """Undo pauses."""
        await self._queues.resume(request.subscriptions)
        return pb.ResumeSubscriptionsResponse(pauses=self._pauses())

    def _pauses(self) -> list[queue_pb2.Pause]:
        return [
            queue_pb2.Pause(subscription=name, paused=paused)
            for name, paused in self._queues.paused().items()
        ]


def _queue(queue: Queue) -> queue_pb2.Queue:
    return queue_pb2.Queue(
        subscription=queue.subscription,
        messages=queue.messages,
        dead_letters=queue.dead_letters,
        paused=queue.paused,
    )


def _letter(letter: GivenUp) -> queue_pb2.DeadLetter:
    return queue_pb2.DeadLetter(
        id=letter.id,
        reason=letter.reason,
        fields=[queue_pb2.UnreadableField(name=name, value=value) for name, value in letter.fields],
    )
