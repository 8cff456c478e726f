"""Who reads, of a request from outside: the user whose token is shown, or nobody in particular."""

import pytest

from services.platform.errors import PermissionDeniedError
from services.platform.rpc.end_user import SCOPE_KEY, USER_KEY, reader_of

SCOPE = (SCOPE_KEY, "tweets:read")


@pytest.mark.parametrize(
    ("metadata", "reader"),
    [
        (None, 0),
        ((), 0),
        ((SCOPE,), 0),
        ((SCOPE, (USER_KEY, "7")), 7),
        (((USER_KEY, "7"), ("te", "trailers"), SCOPE), 7),
        # Not a call from outside: siblings say whom they act for.
        (((USER_KEY, "7"),), 0),
        ((SCOPE, (USER_KEY, "app:birdwatch")), 0),
        ((SCOPE, (USER_KEY, "07")), 0),
    ],
)
def test_the_reader_is_whom_the_edge_names(
    metadata: tuple[tuple[str, str], ...] | None, reader: int
) -> None:
    assert reader_of(metadata) == reader


def test_who_is_named_twice_is_nobody() -> None:
    with pytest.raises(PermissionDeniedError):
        reader_of((SCOPE, (USER_KEY, "7"), (USER_KEY, "8")))
