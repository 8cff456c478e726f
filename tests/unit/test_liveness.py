"""When a process is taken for hung, here and in a cluster."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml

from services.local import liveness
from services.local.errors import StartError
from services.local.liveness import Looks, is_wanted, watching
from services.platform.runtime.heartbeat import BEATS_EVERY_S
from services.platform.runtime.liveness import (
    FAILURES,
    FOUND_WITHIN_S,
    HUNG_GRACE_S,
    PERIOD_S,
    STARTING,
    TIMEOUT_S,
)
from tools.deploy.layout import DRAIN_DELAY_S

BASE = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes" / "base"
SEEN, NOT, ASLEEP = (True, True), (False, True), (False, False)
"""Looks: whether a sign was seen, and whether the looker was awake."""


def hangs(*looks: tuple[bool, bool]) -> bool:
    counted = Looks()
    return [counted.hangs(seen=seen, awake=awake) for seen, awake in looks][-1]


@pytest.mark.parametrize(
    ("looks", "wanted"),
    [
        ([SEEN, NOT, NOT, NOT], True),
        ([SEEN, NOT, NOT], False),
        ([SEEN, NOT, NOT, SEEN, NOT, NOT], False),
        # Until its first sign it starts, for so long.
        ([NOT] * (STARTING - 1), False),
        ([NOT] * STARTING, True),
        ([*[NOT] * (STARTING - 1), ASLEEP, SEEN, NOT, NOT], False),
        # Both stood still, as long as it may have been; then it goes on, or does not.
        ([SEEN, ASLEEP, ASLEEP, ASLEEP, ASLEEP], False),
        ([SEEN, NOT, NOT, ASLEEP, SEEN, NOT, NOT], False),
        ([SEEN, NOT, NOT, ASLEEP, NOT], True),
    ],
)
def test_three_looks_in_a_row_are_taken_for_a_hang(
    looks: Sequence[tuple[bool, bool]],
    wanted: bool,  # noqa: FBT001 - a column
) -> None:
    assert hangs(*looks) is wanted


class Machine:
    """A clock that goes on while the machine is suspended."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.awake: list[bool] = []
        self.asked = asyncio.Event()

    async def look(self, awake: Callable[[], bool]) -> None:
        self.awake.append(awake())
        self.asked.set()

    async def next_look(self) -> bool:
        self.asked.clear()
        await asyncio.wait_for(self.asked.wait(), 10)
        return self.awake[-1]


async def test_a_look_after_the_looker_stood_still_counts_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(liveness, "PERIOD_S", 0.02)
    monkeypatch.setattr(liveness, "LATE_S", 60.0)
    machine = Machine()
    watch = watching(machine.look, lambda: machine.now_s)
    watch.start()
    try:
        assert await machine.next_look()
        machine.now_s += 61
        assert not await machine.next_look()
        assert await machine.next_look()
    finally:
        await watch.stop()


async def test_so_does_a_look_during_which_it_stood_still() -> None:
    machine = Machine()
    said: list[bool] = []

    async def look(awake: Callable[[], bool]) -> None:
        said.append(awake())
        machine.now_s += TIMEOUT_S + liveness.LATE_S + 1
        said.append(awake())
        machine.asked.set()

    watch = watching(look, lambda: machine.now_s)
    watch.start()
    try:
        await asyncio.wait_for(machine.asked.wait(), 10)
    finally:
        await watch.stop()
    assert said[:2] == [True, False]


def test_it_is_found_within_twenty_seconds_and_not_within_ten() -> None:
    assert FOUND_WITHIN_S < 20
    # It may have beaten just after a look, or have been about to.
    assert FAILURES * PERIOD_S - BEATS_EVERY_S > 10
    # One that is late by a whole beat has still beaten between two looks.
    assert 2 * BEATS_EVERY_S < PERIOD_S
    assert TIMEOUT_S < PERIOD_S


def test_kubelets_look_as_the_supervisor_does() -> None:
    probes = {
        path.stem: [one["livenessProbe"] for one in _containers(path) if "livenessProbe" in one]
        for path in BASE.glob("*.yaml")
    }
    assert probes["tweet"]
    assert len(probes["edge"]) == 1
    begins = [each["startupProbe"] for each in _containers(BASE / "tweet.yaml")]
    assert {each["periodSeconds"] * each["failureThreshold"] for each in begins} == {
        PERIOD_S * STARTING
    }
    for each in (probe for found in probes.values() for probe in found):
        assert each["periodSeconds"] == PERIOD_S
        assert each["timeoutSeconds"] == TIMEOUT_S
        assert each["failureThreshold"] == FAILURES
    # The pause before its SIGTERM is of the same time.
    _, own = probes["tweet"]
    assert own["terminationGracePeriodSeconds"] == DRAIN_DELAY_S + HUNG_GRACE_S


def test_it_can_be_switched_off() -> None:
    assert is_wanted({})
    assert not is_wanted({"AVIARY_LIVENESS": "off"})
    with pytest.raises(StartError, match="AVIARY_LIVENESS: got 'no'"):
        is_wanted({"AVIARY_LIVENESS": "no"})


def _containers(path: Path) -> list[dict[str, dict[str, int]]]:
    return [
        container
        for document in yaml.safe_load_all(path.read_text())
        if document.get("kind") in {"Deployment", "StatefulSet"}
        for key in ("initContainers", "containers")
        for container in document["spec"]["template"]["spec"].get(key, [])
    ]
