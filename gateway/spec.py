"""The gateway, the process that the edge asks, in one declaration."""

from typing import Final

from services.platform.specs import ServiceSpec, SwitchFlag

__all__ = ["PUBLIC_READS", "SPEC"]

PUBLIC_READS: Final = SwitchFlag("edge.public-reads", default=None)
"""Whether the edge lets callers without a token read what is public. Comes before the setting
AVIARY_PUBLIC_READS."""

SPEC: Final = ServiceSpec(
    name="gateway",
    summary="what the edge asks: limits, reputation, revocations, and whether all is healthy",
    port=50_057,
    contracts=(
        "aviary.gateway.v1.HealthService",
        "aviary.gateway.v1.ChallengeService",
    ),
    calls=("aviary.identity.v1.KeySetService/GetKeySets",),
    uses_cache=True,
    keeps_audit=True,
    secrets=("AVIARY_CHALLENGE_KEY",),
    flags=(PUBLIC_READS,),
)
