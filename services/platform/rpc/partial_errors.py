"""What an answer for many says of those that it does not have."""

from collections.abc import Iterable

from aviary.error.v1.partial_error_pb2 import PartialError

from services.platform.error_reasons import Reason

__all__ = ["partial_errors"]


def partial_errors(ids: Iterable[int], reason: Reason) -> list[PartialError]:
    """Say of each id that it is missing for this reason."""
    return [PartialError(resource_id=one, reason=reason) for one in ids]
