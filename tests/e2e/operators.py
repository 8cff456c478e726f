"""Operators of a running system: the command line, and the RPCs behind it."""

import os
import time
from contextlib import suppress

import grpc
from aviary.fanout.v1 import fanout_service_pb2 as pb
from aviary.fanout.v1.fanout_service_pb2_grpc import FanoutServiceStub

from tests.e2e import forked_commands
from tests.e2e.conftest import Mesh

__all__ = ["FanoutOperator", "operate"]

OUTAGE_S = 60.0  # a killed fanout is back long before
CALL_TIMEOUT_S = 5.0
POLL_S = 0.1


def operate(mesh: Mesh, *arguments: str, fails: bool = False, **environment: str) -> str:
    """Run a command as somebody would type it; give what it printed."""
    words = (*arguments, "--data-dir", str(mesh.data_dir))
    done = forked_commands.run(words, {**os.environ, **environment})
    assert done.returncode == (1 if fails else 0), done.stderr
    return done.stderr if fails else done.stdout


class FanoutOperator:
    """Steers the fan-out by RPC, however often it is killed meanwhile."""

    def __init__(self, mesh: Mesh) -> None:
        # Its address stays the same over its restarts.
        self._mesh = mesh
        self._address = mesh.address("fanout")

    def set_threshold(self, followers: int) -> None:
        """Set the threshold in followers; 0 restores what the system was started with."""
        deadline = time.monotonic() + OUTAGE_S
        while (in_force := self._try_threshold(followers)) is None:
            assert time.monotonic() < deadline, "the fanout does not come back"
            time.sleep(POLL_S)
        assert followers in {0, in_force}

    def _try_threshold(self, followers: int) -> int | None:
        request = pb.SetCelebrityThresholdRequest(followers=followers)
        channel = self._mesh.sync_channel("fanout", address=self._address)
        with channel, suppress(grpc.RpcError):
            call = FanoutServiceStub(channel).SetCelebrityThreshold
            return call(request, timeout=CALL_TIMEOUT_S).controls.celebrity_threshold
        return None
