"""What the edge asks: the health of the whole, and how often a caller may come."""

import secrets

from aviary.gateway.v1 import challenge_service_pb2, health_service_pb2

from gateway.control_plane.access_log_service import AccessLogServicer
from gateway.control_plane.challenges import ChallengeServicer
from gateway.control_plane.envoy_rpcs import envoy_rpcs
from gateway.control_plane.extension_configs import CallerFeed, Sources
from gateway.control_plane.health import HealthServicer
from gateway.control_plane.limiter import Limiter
from gateway.control_plane.proof_of_work import KEY_BYTES, ProofOfWork
from gateway.control_plane.rate_limit_service import RateLimitServicer
from gateway.control_plane.reputation import ConductRules
from gateway.control_plane.reputation_store import ConductStore
from gateway.spec import PUBLIC_READS
from services.platform.audit.following import POLL_S
from services.platform.composition.dependencies import Dependencies, Served, service_of
from services.platform.composition.secrets import keys_of
from services.platform.flags.opening import open_flags
from services.platform.flags.reading import Flags
from services.platform.rpc.method_handlers import Servicer
from services.platform.security.denials import edge_decisions
from services.platform.tokens.revoked_store import RevokedStore

__all__ = ["build"]


async def build(deps: Dependencies) -> Served:
    """Watch every other service, and count for the edges."""
    siblings = sorted(set(deps.settings.addresses) - {"gateway"})
    # Health is told to all, so it wants no signature.
    channels = {name: await deps.channel(name, signed=False) for name in siblings}
    if deps.settings.edge_denials_log is not None:
        told = edge_decisions(deps.settings.edge_denials_log, deps.audit("gateway"))
        deps.loops.run("audit-edge-denials", told.try_to_read, every_s=POLL_S)
    flags = await open_flags(deps.settings.flags_file, deps.loops)
    return [
        Servicer(service_of(health_service_pb2.DESCRIPTOR), HealthServicer(channels)),
        *await _limits(deps, flags),
    ]


async def _limits(deps: Dependencies, flags: Flags) -> Served:
    valkey, rules = deps.valkey(), ConductRules()
    drawn = (secrets.token_bytes(KEY_BYTES),)
    keys = keys_of(deps.settings.challenge_key, deps.security.audit) or (lambda: drawn)
    step_up = ProofOfWork(valkey, deps.clock, keys)
    store = ConductStore(valkey, deps.clock, rules)
    sources = Sources(
        store,
        RevokedStore(valkey, deps.clock),
        lambda: flags.is_on(PUBLIC_READS, unset=deps.settings.public_reads),
    )
    feed = CallerFeed(sources, deps.clock, rules)
    await deps.loops.opened("caller feed", feed)
    return [
        Servicer(service_of(challenge_service_pb2.DESCRIPTOR), ChallengeServicer(step_up)),
        *envoy_rpcs(
            RateLimitServicer(
                Limiter(valkey, deps.clock, rules), step_up, deps.settings.first_party_clients
            ),
            feed,
            AccessLogServicer(store, deps.clock),
            deps.security,
        ),
    ]
