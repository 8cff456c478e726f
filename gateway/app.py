"""What the edge asks: the health of the whole, and how often a subject may come."""

import secrets

from aviary.gateway.v1 import challenge_service_pb2, health_service_pb2

from gateway.control_plane.access_log_service import AccessLogServicer
from gateway.control_plane.challenges import ChallengeServicer
from gateway.control_plane.envoy_rpcs import envoy_rpcs
from gateway.control_plane.extension_config_service import ExtensionConfigServicer, Sources
from gateway.control_plane.health import HealthServicer
from gateway.control_plane.key_sets import POLL_S as KEY_SETS_POLL_S
from gateway.control_plane.key_sets import IssuerKeys, KeySetCopy, KeySets
from gateway.control_plane.limiter import Limiter
from gateway.control_plane.proof_of_work import KEY_BYTES, ProofOfWork
from gateway.control_plane.rate_limit_service import RateLimitServicer
from gateway.control_plane.reputation import ReputationRules
from gateway.control_plane.reputation_store import ReputationStore
from gateway.spec import PUBLIC_READS, SPEC
from services.identity.spec import SPEC as IDENTITY
from services.platform.audit.following import POLL_S
from services.platform.composition.dependencies import Dependencies, Served, service_of
from services.platform.flags.reading import Flags
from services.platform.rpc.method_handlers import Servicer
from services.platform.security.denials import edge_decisions
from services.platform.tokens.revoked_store import RevokedStore

__all__ = ["build"]


async def build(deps: Dependencies) -> Served:
    """Watch every other service, and count for the edges."""
    siblings = sorted(set(deps.settings.addresses) - {SPEC.name})
    # Everybody may ask for health, so it wants no signature.
    channels = {name: await deps.channel(name, signed=False) for name in siblings}
    audit = deps.audit()
    if deps.settings.edge_denials_log is not None:
        decisions = edge_decisions(deps.settings.edge_denials_log, audit)
        deps.loops.run("audit-edge-denials", decisions.try_to_read, every_s=POLL_S)
    flags = await deps.flags()
    return [
        Servicer(service_of(health_service_pb2.DESCRIPTOR), HealthServicer(channels)),
        *await _limits(deps, flags),
    ]


async def _limits(deps: Dependencies, flags: Flags) -> Served:
    valkey, rules = deps.valkey(), ReputationRules()
    drawn = (secrets.token_bytes(KEY_BYTES),)
    keys = deps.secret(deps.settings.challenge_key) or (lambda: drawn)
    step_up = ProofOfWork(valkey, deps.clock, keys)
    store = ReputationStore(valkey, deps.clock, rules)
    issuer = await deps.client(IDENTITY.name, IssuerKeys)
    key_sets = KeySets(issuer, KeySetCopy(valkey, keys), deps.clock)
    deps.loops.run("issuer-key-sets", key_sets.refresh, every_s=KEY_SETS_POLL_S)
    sources = Sources(
        store,
        RevokedStore(valkey, deps.clock),
        lambda: flags.is_on(PUBLIC_READS, unset=deps.settings.public_reads),
        key_sets.current,
        key_sets.withdrawn,
    )
    configs = ExtensionConfigServicer(sources, deps.clock, rules)
    await deps.loops.opened("extension configs", configs)
    return [
        Servicer(service_of(challenge_service_pb2.DESCRIPTOR), ChallengeServicer(step_up)),
        *envoy_rpcs(
            RateLimitServicer(
                Limiter(valkey, deps.clock, rules), step_up, deps.settings.first_party_clients
            ),
            configs,
            AccessLogServicer(store, deps.clock),
            deps.security,
        ),
    ]
