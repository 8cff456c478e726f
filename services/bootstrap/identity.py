"""The embedded issuer's service."""

from services.bootstrap.parts import Parts, Served

__all__ = ["build"]


async def build(parts: Parts) -> Served:
    """See `services.bootstrap.issuer`."""
    # All services start by one command line; only this one pays for HTTP and OAuth.
    from services.bootstrap.issuer import build_issuer  # noqa: PLC0415

    return await build_issuer(parts)
