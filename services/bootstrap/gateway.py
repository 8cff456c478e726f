"""What the edge asks: the health of the whole, and how often a caller may come."""

import secrets

from aviary.gateway.v1 import challenge_service_pb2, health_service_pb2

from gateway.denials import edge_decisions
from gateway.health import HealthServicer
from gateway.limits.access_log_service import AccessLogServicer
from gateway.limits.challenges import ChallengeServicer
from gateway.limits.conduct import ConductRules
from gateway.limits.conduct_store import ConductStore
from gateway.limits.envoy_rpcs import envoy_rpcs
from gateway.limits.feed import CallerFeed, Sources
from gateway.limits.limiter import Limiter
from gateway.limits.proof_of_work import KEY_BYTES, ProofOfWork
from gateway.limits.rate_limit_service import RateLimitServicer
from gateway.limits.revoked_store import RevokedStore
from services.audit.following import POLL_S
from services.bootstrap.flags import open_flags
from services.bootstrap.parts import Parts, Served, service_of
from services.bootstrap.secrets import keys_of
from services.flags.declared import PUBLIC_READS
from services.flags.reading import Flags
from services.rpc.handlers import Servicer

__all__ = ["build"]


async def build(parts: Parts) -> Served:
    """Watch every other service, and count for the edges."""
    siblings = sorted(set(parts.settings.addresses) - {"gateway"})
    # Health is told to all, so it wants no signature.
    channels = {name: await parts.channel(name, signed=False) for name in siblings}
    if parts.settings.edge_denials_log is not None:
        told = edge_decisions(parts.settings.edge_denials_log, parts.audit("gateway"))
        parts.loops.run("audit-edge-denials", told.try_to_read, every_s=POLL_S)
    flags = await open_flags(parts.settings.flags_file, parts.loops)
    return [
        Servicer(service_of(health_service_pb2.DESCRIPTOR), HealthServicer(channels)),
        *_limits(parts, flags),
    ]


def _limits(parts: Parts, flags: Flags) -> Served:
    valkey, rules = parts.valkey(), ConductRules()
    drawn = (secrets.token_bytes(KEY_BYTES),)
    keys = keys_of(parts.settings.challenge_key, parts.security.audit) or (lambda: drawn)
    step_up = ProofOfWork(valkey, parts.clock, keys)
    store = ConductStore(valkey, parts.clock, rules)
    sources = Sources(
        store,
        RevokedStore(valkey, parts.clock),
        lambda: flags.is_on(PUBLIC_READS, unset=parts.settings.public_reads),
    )
    feed = CallerFeed(sources, parts.clock, rules)
    feed.start()
    parts.loops.opened("caller feed", feed)
    return [
        Servicer(service_of(challenge_service_pb2.DESCRIPTOR), ChallengeServicer(step_up)),
        *envoy_rpcs(
            RateLimitServicer(
                Limiter(valkey, parts.clock, rules), step_up, parts.settings.first_party_clients
            ),
            feed,
            AccessLogServicer(store, parts.clock),
            parts.security,
        ),
    ]
