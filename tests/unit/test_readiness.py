"""What must hold in a process, and what is said when it does not."""

from services.platform.runtime.readiness import Readiness


def test_a_process_is_ready_while_all_holds() -> None:
    """A process is ready when every requirement holds, and when there are none."""
    readiness = Readiness()
    assert readiness.failing() == []
    readiness.require("lease", lambda: True)
    assert readiness.failing() == []


def test_what_does_not_hold_is_named_once_and_in_order() -> None:
    """A name may be required by several; it comes back when it holds."""
    readiness, holding = Readiness(), {"outbox": False, "lease": False}
    for name in ("outbox", "outbox", "lease"):
        readiness.require(name, lambda name=name: holding[name])  # type: ignore[misc]
    assert readiness.failing() == ["lease", "outbox"]
    holding["outbox"] = True
    assert readiness.failing() == ["lease"]


def test_a_check_that_raises_does_not_hold() -> None:
    """An error in a check means not ready, and is not passed on."""
    readiness = Readiness()
    readiness.require("broken", lambda: 1 // 0 == 0)
    assert readiness.failing() == ["broken"]
