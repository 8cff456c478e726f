"""The health of the whole, for the edge."""

from aviary.gateway.v1 import health_service_pb2

from gateway.health import HealthServicer
from services.bootstrap.parts import Parts, Served, service_of
from services.rpc.handlers import Servicer

__all__ = ["build"]


async def build(parts: Parts) -> Served:
    """Watch every other service."""
    siblings = sorted(set(parts.settings.addresses) - {"gateway"})
    # Health is told to all, so it wants no signature.
    channels = {name: await parts.channel(name, signed=False) for name in siblings}
    servicer = HealthServicer(channels)
    return [Servicer(service_of(health_service_pb2.DESCRIPTOR), servicer)]
