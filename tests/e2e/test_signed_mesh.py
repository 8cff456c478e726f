"""Behind sidecars, requests are signed without anybody asking for it."""

import stat
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from aviary.fanout.v1 import fanout_service_pb2 as pb
from aviary.fanout.v1.fanout_service_pb2_grpc import FanoutServiceStub

from services.platform.rpc.operator import (
    operator_files,
    operator_signing_keys,
    operator_sync_channel,
)
from tests.e2e.acting import eventually, follow, home, post, user
from tests.e2e.conftest import Mesh, start, stop
from tests.e2e.operators import operate


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    mesh = start(tmp_path_factory.mktemp("signed") / "data", sidecars=True)
    yield mesh
    assert stop(mesh) == 0
    assert operator_signing_keys(mesh.data_dir) is None


def test_what_crosses_a_proxy_is_signed(signed: Mesh) -> None:
    ada, bob = user(signed), user(signed)
    follow(signed, bob, ada)
    tweet = post(signed, ada)
    eventually(lambda: home(signed, bob), [tweet], signed.engine.within_s)
    assert "fanout.plan" in operate(signed, "queues")
    # The operator's certificate alone does not do.
    files, address = operator_files(signed.data_dir), signed.address("fanout")
    with operator_sync_channel(files, "fanout", address) as channel:
        with pytest.raises(grpc.RpcError) as refused:
            FanoutServiceStub(channel).GetBacklog(pb.GetBacklogRequest(), timeout=10)
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    with signed.sync_channel("fanout") as channel:
        FanoutServiceStub(channel).GetBacklog(pb.GetBacklogRequest(), timeout=10)


def test_the_key_is_the_owners(signed: Mesh) -> None:
    keys = operator_signing_keys(signed.data_dir)
    assert keys is not None
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    # No process has it where others could list it.
    secret = keys.read_text().strip().partition(":")[2]
    for pid in signed.children().values():
        assert secret.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
