"""Envoy's rate limit service: what the edges ask before a write."""

from collections.abc import Collection, Sequence

from aviary.envoy.v1 import envoy_pb2 as pb
from opentelemetry import metrics

from gateway.control_plane.decision_metrics import DecisionMetrics
from gateway.control_plane.keys import subject_key
from gateway.control_plane.limiter import BUDGETS, Decision, Limiter
from gateway.control_plane.proof_of_work import StepUp
from gateway.limits.budgets import EndpointClass, Reputation, Subject
from gateway.limits.table import by_name
from services.platform.rpc.interceptors import Context
from services.platform.security.step_up import PROVEN_HEADER

__all__ = ["RateLimitServicer", "subjects_in", "who_proves"]

STEP_UP = "step-up"
"""In `x-limited-by`: a proof would have let the request through."""

_SUBJECT_KEYS = {
    "user": Subject.USER,
    "app": Subject.APP,
    "masked_remote_address": Subject.IP,
}


class RateLimitServicer:
    """Answers `ShouldRateLimit`; fails with UNAVAILABLE while Valkey is away.

    What that means for the request is the edge's to say, by the request's class. The operator's own
    apps, `first_party`, have no budget as apps.
    """

    def __init__(
        self,
        limiter: Limiter,
        step_up: StepUp,
        first_party: Collection[str] = (),
        *,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._limiter = limiter
        self._first_party = frozenset(first_party)
        self._step_up = step_up
        self._classes = by_name()
        shared = [name for name, one in self._classes.items() if one.is_shared]
        self._decisions = DecisionMetrics(shared, BUDGETS, meter_provider=meter_provider)

    async def ShouldRateLimit(  # noqa: N802 - the name of the RPC
        self,
        request: pb.RateLimitRequest,
        context: Context,  # noqa: ARG002 - the signature gRPC calls
    ) -> pb.RateLimitResponse:
        """Decide by the one descriptor that the edge sends."""
        entries = {entry.key: entry.value for one in request.descriptors for entry in one.entries}
        endpoints = self._classes.get(entries.get("class", ""))
        if endpoints is None or not endpoints.is_shared:
            # Of a newer edge's table, or counted by the edge alone.
            return pb.RateLimitResponse(overall_code=pb.RATE_LIMIT_CODE_OK)
        subjects = subjects_in(entries)
        if subjects.get(Subject.APP) in self._first_party:
            del subjects[Subject.APP]
        proven = await self._is_proven(endpoints, subjects, entries.get("proof", ""))
        decision = await self._limiter.decide(endpoints, subjects, proven=proven)
        self._decisions.decided(endpoints.name, None if decision.allowed else decision.budget)
        return _answer(decision, step_up=endpoints.step_up and not proven, proven=proven)

    async def _is_proven(
        self, endpoints: EndpointClass, subjects: dict[Subject, str], proof: str
    ) -> bool:
        if not (endpoints.step_up and proof):
            return False
        return await self._step_up.verify(endpoints.name, who_proves(subjects), proof)


def subjects_in(entries: dict[str, str]) -> dict[Subject, str]:
    """Give who is behind a request, by the keys of its descriptor."""
    return {subject: entries[key] for key, subject in _SUBJECT_KEYS.items() if entries.get(key)}


def who_proves(subjects: dict[Subject, str]) -> str:
    """Name whom a challenge is bound to: the user, or the address where there is none yet."""
    subject = Subject.USER if Subject.USER in subjects else Subject.IP
    return subject_key(subject, subjects.get(subject, ""))


def _answer(decision: Decision, *, step_up: bool, proven: bool) -> pb.RateLimitResponse:
    code = pb.RATE_LIMIT_CODE_OK if decision.allowed else pb.RATE_LIMIT_CODE_OVER_LIMIT
    headers = [
        ("x-ratelimit-limit", str(decision.limit)),
        ("x-ratelimit-remaining", str(decision.remaining)),
        ("x-ratelimit-reset", str(decision.reset_s)),
    ]
    if not decision.allowed:
        asks = step_up and decision.reputation is not Reputation.GOOD
        headers.append(("x-limited-by", STEP_UP if asks else decision.budget))
    return pb.RateLimitResponse(
        overall_code=code,
        response_headers_to_add=_headers(headers),
        request_headers_to_add=_headers([(PROVEN_HEADER, "1")] if proven else []),
    )


def _headers(pairs: Sequence[tuple[str, str]]) -> list[pb.HeaderValue]:
    return [pb.HeaderValue(key=key, value=value) for key, value in pairs]
