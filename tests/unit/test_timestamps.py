"""Times on the wire."""

from typing import Any

import pytest
from aviary.event.v1 import event_pb2
from aviary.id.v1 import id_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from services.id.service import IdService
from services.id.servicer import IdServicer
from services.platform.errors import InvalidArgumentError
from services.platform.ids.model import LEASE_TERM_MS
from services.platform.rpc.timestamps import from_timestamp, time_given, to_timestamp
from services.user.events import UserEvents, decode_user_deleted
from tests.unit.lease_world import NOW, World

AHEAD_MS = NOW + 5_000


@pytest.mark.parametrize("unix_ms", [0, 1, 999, 1_704_067_200_123, -1])
def test_milliseconds_come_back(unix_ms: int) -> None:
    assert from_timestamp(to_timestamp(unix_ms)) == unix_ms


def test_fractions_of_a_millisecond_are_cut_off() -> None:
    assert from_timestamp(Timestamp(seconds=1, nanos=2_999_999)) == 1_002


def servicer(world: World) -> IdServicer:
    return IdServicer(IdService(world.leases, world.ids))  # type: ignore[arg-type]


async def lease(world: World, **last_used: Any) -> pb.WorkerLease:
    request = pb.LeaseWorkerRequest(owner="a", **last_used)
    return (await servicer(world).LeaseWorker(request, None)).lease  # type: ignore[arg-type]


async def test_a_lease_says_its_window_in_both_forms() -> None:
    granted = await lease(World())
    assert granted.expires_at_ms == from_timestamp(granted.expires_at) == NOW + LEASE_TERM_MS
    assert granted.HasField("not_before")
    assert granted.not_before_ms == from_timestamp(granted.not_before)


@pytest.mark.parametrize(
    "last_used",
    [
        {"last_used_ms": AHEAD_MS},
        {"last_used": to_timestamp(AHEAD_MS)},
        {"last_used": to_timestamp(AHEAD_MS), "last_used_ms": AHEAD_MS},
        # Who gives both means the new one.
        {"last_used": to_timestamp(AHEAD_MS), "last_used_ms": 1},
    ],
    ids=["old", "new", "both", "two that differ"],
)
async def test_a_lease_understands_the_newest_id_in_either_form(last_used: dict[str, Any]) -> None:
    world = World()
    granted = await lease(world, **last_used)
    assert granted.expires_at_ms == AHEAD_MS + LEASE_TERM_MS
    renewed = await servicer(world).RenewLease(
        pb.RenewLeaseRequest(worker=granted.worker, owner="a", **last_used),
        None,  # type: ignore[arg-type]
    )
    assert from_timestamp(renewed.lease.expires_at) == AHEAD_MS + LEASE_TERM_MS
    await servicer(world).ReleaseLease(
        pb.ReleaseLeaseRequest(worker=granted.worker, owner="a", **last_used),
        None,  # type: ignore[arg-type]
    )
    freed = (await world.store.get([granted.worker]))[granted.worker]
    assert (freed.owner, freed.expires_at_ms) == ("", AHEAD_MS + 1)


@pytest.mark.parametrize(
    "last_used",
    [
        {"last_used_ms": -1},
        {"last_used": Timestamp(seconds=-1)},
        {"last_used": Timestamp(nanos=-1)},
        {"last_used": Timestamp(seconds=1 << 62)},
    ],
)
async def test_a_newest_id_at_no_time_is_refused(last_used: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        await lease(World(), **last_used)
    assert refused.value.field == "last_used"


def test_an_event_says_when_in_both_forms_and_is_understood_in_either() -> None:
    data = UserEvents().deleted(7, AHEAD_MS)
    sent = event_pb2.UserEvent.FromString(data).deleted
    assert sent.deleted_at_ms == time_given(sent, "deleted_at") == AHEAD_MS
    for form in ({"deleted_at_ms": AHEAD_MS}, {"deleted_at": to_timestamp(AHEAD_MS)}):
        event = event_pb2.UserEvent(deleted=event_pb2.UserDeleted(user_id=7, **form))  # type: ignore[arg-type]
        assert decode_user_deleted(event.SerializeToString()).deleted_at_ms == AHEAD_MS
