"""Challenges, by RPC."""

from aviary.gateway.v1 import challenge_service_pb2 as pb

from gateway.control_plane.access_log_service import masked
from gateway.control_plane.proof_of_work import StepUp
from gateway.control_plane.rate_limit_service import who_proves
from gateway.limits.budgets import Subject
from gateway.limits.table import CLASSES
from services.platform.errors import InvalidArgumentError, PermissionDeniedError
from services.platform.rpc.end_user import NAMED_TWICE, USER_KEY
from services.platform.rpc.interceptors import Context
from services.platform.rpc.timestamps import to_timestamp

__all__ = ["ChallengeServicer"]

FLOWS = frozenset(one.name for one in CLASSES if one.step_up)
ADDRESS_KEY = "x-envoy-external-address"


class ChallengeServicer:
    """Gives challenges bound to the subject that the edge names in the metadata."""

    def __init__(self, step_up: StepUp) -> None:
        self._step_up = step_up

    async def CreateChallenge(  # noqa: N802 - the name of the RPC
        self, request: pb.CreateChallengeRequest, context: Context
    ) -> pb.CreateChallengeResponse:
        """Make one; raises InvalidArgumentError for an unknown flow."""
        if request.flow not in FLOWS:
            raise InvalidArgumentError("flow", f"wanted one of {', '.join(sorted(FLOWS))}")
        challenge = self._step_up.issue(request.flow, who_proves(_subjects(context)))
        return pb.CreateChallengeResponse(
            challenge=challenge.text,
            difficulty_bits=challenge.difficulty_bits,
            expires_at=to_timestamp(challenge.expires_ms),
        )


def _subjects(context: Context) -> dict[Subject, str]:
    """Read who asks, by the marks that the edge alone sets, each once, and strips from outside.

    Raises PermissionDeniedError where one is there twice.
    """
    marks: dict[str, str] = {}
    for key, value in context.invocation_metadata() or ():
        if key in {USER_KEY, ADDRESS_KEY} and isinstance(value, str):
            if key in marks:
                raise PermissionDeniedError("the caller is named twice", reason=NAMED_TWICE)
            marks[key] = value
    subjects = {}
    if user := marks.get(USER_KEY):
        subjects[Subject.USER] = user
    if address := marks.get(ADDRESS_KEY):
        subjects[Subject.IP] = masked(address)
    return subjects
