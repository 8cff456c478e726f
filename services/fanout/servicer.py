"""FanoutService over gRPC: the operators' view of the queues, and their hand on them."""

# ruff: noqa: N802 - names are those of the RPCs

from collections.abc import Mapping
from itertools import islice

from aviary.fanout.v1 import fanout_service_pb2 as pb

from services.fanout.controls import Controls, FanoutControls
from services.platform.bus.port import BusDriver
from services.platform.errors import InvalidArgumentError
from services.platform.specs import all_subscriptions

__all__ = ["FanoutServicer"]

DEFAULT_LIMIT = 100  # dead letters a call
MAX_LIMIT = 1_000
MAX_DROPPED = 40
"""Ids of one call: an operator's request, which the audit log holds whole, has at most 1 KiB."""
SHOWN_REASON_CHARS = 500
SHOWN_FIELDS = 8
SHOWN_BYTES = 100
"""Of each name and value: a thousand letters of the longest are below the 4 MB of an answer."""


class FanoutServicer:
    """Passes operators' questions on to the bus, and their wishes to the controls."""

    def __init__(self, bus: BusDriver, controls: FanoutControls) -> None:
        self._bus = bus
        self._controls = controls

    async def GetBacklog(
        self, _request: pb.GetBacklogRequest, _context: object
    ) -> pb.GetBacklogResponse:
        """Count what waits in each queue, and what was given up."""
        return pb.GetBacklogResponse(
            queues=[
                pb.QueueBacklog(
                    subscription=each.name,
                    messages=await self._bus.backlog(each.name),
                    dead_letters=await self._bus.dead_letters(each.name),
                )
                for each in all_subscriptions()
            ]
        )

    async def ListDeadLetters(
        self, request: pb.ListDeadLettersRequest, _context: object
    ) -> pb.ListDeadLettersResponse:
        """List messages that were given up."""
        limit = _checked(request.subscription, request.limit)
        letters = await self._bus.list_dead_letters(request.subscription, limit=limit)
        return pb.ListDeadLettersResponse(
            dead_letters=[
                pb.DeadLetter(
                    id=each.id,
                    reason=each.reason[:SHOWN_REASON_CHARS],
                    fields=_shown(each.raw or {}),
                )
                for each in letters
            ]
        )

    async def RedriveDeadLetters(
        self, request: pb.RedriveDeadLettersRequest, _context: object
    ) -> pb.RedriveDeadLettersResponse:
        """Put dead letters back into their queue."""
        limit = _checked(request.subscription, request.limit)
        redriven = await self._bus.redrive(request.subscription, limit=limit)
        return pb.RedriveDeadLettersResponse(redriven=redriven)

    async def DropDeadLetters(
        self, request: pb.DropDeadLettersRequest, _context: object
    ) -> pb.DropDeadLettersResponse:
        """Forget dead letters."""
        _checked(request.subscription, 0)
        if not 1 <= len(request.ids) <= MAX_DROPPED:
            raise InvalidArgumentError("ids", f"must be 1 to {MAX_DROPPED}, are {len(request.ids)}")
        dropped = await self._bus.drop_dead_letters(request.subscription, request.ids)
        return pb.DropDeadLettersResponse(dropped=dropped)

    async def GetControls(
        self, _request: pb.GetControlsRequest, _context: object
    ) -> pb.GetControlsResponse:
        """Tell what is in force."""
        return pb.GetControlsResponse(controls=_encode(self._controls.current()))

    async def SetCelebrityThreshold(
        self, request: pb.SetCelebrityThresholdRequest, _context: object
    ) -> pb.SetCelebrityThresholdResponse:
        """Move the line between push and pull."""
        controls = await self._controls.set_threshold(request.followers)
        return pb.SetCelebrityThresholdResponse(controls=_encode(controls))

    async def PauseSubscriptions(
        self, request: pb.PauseSubscriptionsRequest, _context: object
    ) -> pb.PauseSubscriptionsResponse:
        """Take nothing more from subscriptions."""
        controls = await self._controls.pause(request.subscriptions)
        return pb.PauseSubscriptionsResponse(controls=_encode(controls))

    async def ResumeSubscriptions(
        self, request: pb.ResumeSubscriptionsRequest, _context: object
    ) -> pb.ResumeSubscriptionsResponse:
        """Undo pauses."""
        controls = await self._controls.resume(request.subscriptions)
        return pb.ResumeSubscriptionsResponse(controls=_encode(controls))


def _shown(raw: Mapping[bytes, bytes]) -> list[pb.UnreadableField]:
    return [
        pb.UnreadableField(name=name[:SHOWN_BYTES], value=value[:SHOWN_BYTES])
        for name, value in islice(raw.items(), SHOWN_FIELDS)
    ]


def _encode(controls: Controls) -> pb.Controls:
    return pb.Controls(
        celebrity_threshold=controls.threshold,
        default_celebrity_threshold=controls.default_threshold,
        subscriptions=[
            pb.SubscriptionControl(subscription=name, paused=paused)
            for name, paused in controls.paused.items()
        ],
    )


def _checked(subscription: str, limit: int) -> int:
    names = [each.name for each in all_subscriptions()]
    if subscription not in names:
        raise InvalidArgumentError("subscription", f"must be one of {', '.join(names)}")
    if not 0 <= limit <= MAX_LIMIT:
        raise InvalidArgumentError("limit", f"must be 1 to {MAX_LIMIT}, got {limit}")
    return limit or DEFAULT_LIMIT
