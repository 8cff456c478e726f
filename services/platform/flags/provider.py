"""An OpenFeature provider that answers from memory; who watches the file replaces the values."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEventDetails
from openfeature.exception import TypeMismatchError
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
from openfeature.provider import AbstractProvider, Metadata

from services.platform.flags.file import Value

__all__ = ["FileProvider"]

Typed = TypeVar("Typed", bool, int, float, str)
Objects = Sequence[FlagValueType] | Mapping[str, FlagValueType]


class FileProvider(AbstractProvider):
    """Gives everybody the same value; a flag that is not in the file has its reader's default."""

    def __init__(self) -> None:
        super().__init__()
        self._values: Mapping[str, Value] = {}

    def replace(self, values: Mapping[str, Value]) -> None:
        """Go by these from now on, and tell whoever listens."""
        changed = sorted(
            name
            for name in values.keys() | self._values.keys()
            if values.get(name) != self._values.get(name)
        )
        self._values = values
        self.emit_provider_configuration_changed(ProviderEventDetails(flags_changed=changed))

    def get_metadata(self) -> Metadata:
        """Name the provider."""
        return Metadata(name="aviary-file")

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,  # noqa: FBT001 - the interface's signature
        evaluation_context: EvaluationContext | None = None,  # noqa: ARG002 - as above
    ) -> FlagResolutionDetails[bool]:
        """Look a switch up."""
        return self._resolve(flag_key, default_value, bool)

    def resolve_integer_details(
        self,
        flag_key: str,
        default_value: int,
        evaluation_context: EvaluationContext | None = None,  # noqa: ARG002 - as above
    ) -> FlagResolutionDetails[int]:
        """Look a number up."""
        return self._resolve(flag_key, default_value, int)

    def resolve_float_details(
        self,
        flag_key: str,
        default_value: float,
        evaluation_context: EvaluationContext | None = None,  # noqa: ARG002 - as above
    ) -> FlagResolutionDetails[float]:
        """Look a fraction up; no flag is one."""
        return self._resolve(flag_key, default_value, float)

    def resolve_string_details(
        self,
        flag_key: str,
        default_value: str,
        evaluation_context: EvaluationContext | None = None,  # noqa: ARG002 - as above
    ) -> FlagResolutionDetails[str]:
        """Look a text up; no flag is one."""
        return self._resolve(flag_key, default_value, str)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Objects,
        evaluation_context: EvaluationContext | None = None,  # noqa: ARG002 - as above
    ) -> FlagResolutionDetails[Objects]:
        """Look a structure up; no flag is one."""
        if flag_key in self._values:
            raise TypeMismatchError(f"{flag_key} is no structure")
        return FlagResolutionDetails(default_value, reason=Reason.DEFAULT)

    def _resolve(
        self, name: str, default: Typed, wanted: type[Typed]
    ) -> FlagResolutionDetails[Typed]:
        value = self._values.get(name)
        if value is None:
            return FlagResolutionDetails(default, reason=Reason.DEFAULT)
        # Not isinstance: True is an int.
        if type(value) is not wanted:
            raise TypeMismatchError(f"{name} is no {wanted.__name__}")
        return FlagResolutionDetails(value, reason=Reason.STATIC)
