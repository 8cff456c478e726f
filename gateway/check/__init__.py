"""Compares all that states the contracts: descriptor, Envoy, OpenAPI document, running services.

The descriptor is what everything is held to: what the running services say of themselves, what
Envoy transcodes and routes, and the OpenAPI document that it serves.
"""

from gateway.check.addresses import addresses_of, certificates_of
from gateway.check.edge import edge_drift
from gateway.check.services import service_drift

__all__ = ["addresses_of", "certificates_of", "edge_drift", "service_drift"]
