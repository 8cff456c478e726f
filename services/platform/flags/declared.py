"""Every feature flag there is, as services declare them.

docs/reference/flags.md lists them for those who set them.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from services.platform.specs import Flag, all_specs

__all__ = ["declared_flags"]


@cache
def declared_flags() -> Mapping[str, Flag]:
    """Return every flag by name."""
    flags = [flag for spec in all_specs().values() for flag in spec.flags]
    return MappingProxyType({flag.name: flag for flag in flags})
