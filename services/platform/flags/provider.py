"""The OpenFeature provider of this process: the SDK's in-memory one, whose values are replaced."""

from collections.abc import Mapping

from openfeature.event import ProviderEventDetails
from openfeature.provider import Metadata
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider

from services.platform.flags.file import Value

__all__ = ["FileProvider"]

VARIANT = "file"
"""A flag has one variant: everybody gets the same value."""


class FileProvider(InMemoryProvider):
    """Holds what the file says; a flag that is not in it has its reader's default."""

    def __init__(self) -> None:
        super().__init__({})

    def get_metadata(self) -> Metadata:
        """Name the provider."""
        return Metadata(name="aviary-file")

    def replace(self, values: Mapping[str, Value]) -> None:
        """Go by these from now on, and notify whoever listens of the flags that have changed."""
        before, now = self._flags, {name: _flag(value) for name, value in values.items()}
        changed = [name for name in before.keys() | now.keys() if before.get(name) != now.get(name)]
        self._flags = now
        self.emit_provider_configuration_changed(
            ProviderEventDetails(flags_changed=sorted(changed))
        )


def _flag(value: Value) -> InMemoryFlag[Value]:
    return InMemoryFlag(VARIANT, {VARIANT: value})
