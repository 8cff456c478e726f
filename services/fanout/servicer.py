"""FanoutService over gRPC: the threshold, and what it offered of queues before `QueueService`."""

# ruff: noqa: N802 - names are those of the RPCs

from aviary.fanout.v1 import fanout_service_pb2 as pb

from services.fanout.threshold import OperatedThreshold
from services.platform.queues.service import Queues

__all__ = ["FanoutServicer"]


class FanoutServicer:
    """Passes operators' requests on to the threshold and the queues.

    `queues` are those of all services, `own` those that the fan-out consumes: it lists the former,
    and pauses the latter alone.
    """

    def __init__(self, threshold: OperatedThreshold, queues: Queues, own: Queues) -> None:
        self._threshold = threshold
        self._queues = queues
        self._own = own

    async def GetBacklog(
        self, _request: pb.GetBacklogRequest, _context: object
    ) -> pb.GetBacklogResponse:
        """Count what waits in each queue, and what was given up."""
        return pb.GetBacklogResponse(
            queues=[
                pb.QueueBacklog(
                    subscription=each.subscription,
                    messages=each.messages,
                    dead_letters=each.dead_letters,
                )
                for each in await self._queues.all()
            ]
        )

    async def ListDeadLetters(
        self, request: pb.ListDeadLettersRequest, _context: object
    ) -> pb.ListDeadLettersResponse:
        """List messages that were given up."""
        return pb.ListDeadLettersResponse(
            dead_letters=[
                pb.DeadLetter(
                    id=each.id,
                    reason=each.reason,
                    fields=[
                        pb.UnreadableField(name=name, value=value) for name, value in each.fields
                    ],
                )
                for each in await self._queues.dead_letters(request.subscription, request.limit)
            ]
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

    async def GetControls(
        self, _request: pb.GetControlsRequest, _context: object
    ) -> pb.GetControlsResponse:
        """Read what is in force."""
        return pb.GetControlsResponse(controls=self._controls())

    async def SetCelebrityThreshold(
        self, request: pb.SetCelebrityThresholdRequest, _context: object
    ) -> pb.SetCelebrityThresholdResponse:
        """Move the line between push and pull."""
        await self._threshold.set(request.followers)
        return pb.SetCelebrityThresholdResponse(controls=self._controls())

    async def PauseSubscriptions(
        self, request: pb.PauseSubscriptionsRequest, _context: object
    ) -> pb.PauseSubscriptionsResponse:
        """Take nothing more from subscriptions of the fan-out."""
        await self._own.pause(request.subscriptions)
        return pb.PauseSubscriptionsResponse(controls=self._controls())

    async def ResumeSubscriptions(
        self, request: pb.ResumeSubscriptionsRequest, _context: object
    ) -> pb.ResumeSubscriptionsResponse:
        """Undo pauses."""
        await self._own.resume(request.subscriptions)
        return pb.ResumeSubscriptionsResponse(controls=self._controls())

    def _controls(self) -> pb.Controls:
        return pb.Controls(
            celebrity_threshold=self._threshold.in_force,
            default_celebrity_threshold=self._threshold.default,
            subscriptions=[
                pb.SubscriptionControl(subscription=name, paused=paused)
                for name, paused in self._own.paused().items()
            ],
        )
