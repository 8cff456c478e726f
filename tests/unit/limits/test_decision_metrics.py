"""Decisions on writes are counted by class and outcome, each from nothing on."""

from aviary.envoy.v1 import envoy_pb2 as pb

from gateway.control_plane.limiter import Decision
from gateway.control_plane.rate_limit_service import RateLimitServicer
from gateway.limits.budgets import Reputation
from gateway.limits.table import by_name
from services.platform.observability.names import METRIC_LIMITS_DECISIONS
from tests.contract.metric_values import Metrics

SHARED = [name for name, one in by_name().items() if one.is_shared]


class Limits:
    """Lets one through, then refuses by the sustained budget."""

    def __init__(self) -> None:
        self.allows = True

    async def decide(self, *_args: object, **_options: object) -> Decision:
        allowed, self.allows = self.allows, False
        return Decision(allowed, 1, 0, 1, "sustained", Reputation.GOOD)


async def test_decisions_are_counted() -> None:
    metrics = Metrics()
    servicer = RateLimitServicer(Limits(), None, meter_provider=metrics.provider)  # type: ignore[arg-type]
    counted = metrics.values(METRIC_LIMITS_DECISIONS)
    assert counted == {
        (name, outcome): 0 for name in SHARED for outcome in ("allowed", "burst", "sustained")
    }
    entry = pb.RateLimitEntry(key="class", value="post")
    request = pb.RateLimitRequest(descriptors=[pb.RateLimitDescriptor(entries=[entry])])
    for _ in range(2):
        await servicer.ShouldRateLimit(request, None)  # type: ignore[arg-type]
    counted = metrics.values(METRIC_LIMITS_DECISIONS)
    assert counted["post", "allowed"] == counted["post", "sustained"] == 1
    assert sum(counted.values()) == 2
