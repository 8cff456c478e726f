"""Times on the wire."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from services.platform.rpc.timestamps import from_timestamp, to_timestamp


@pytest.mark.parametrize("unix_ms", [0, 1, 999, 1_704_067_200_123, -1])
def test_milliseconds_come_back(unix_ms: int) -> None:
    assert from_timestamp(to_timestamp(unix_ms)) == unix_ms


def test_fractions_of_a_millisecond_are_cut_off() -> None:
    assert from_timestamp(Timestamp(seconds=1, nanos=2_999_999)) == 1_002
