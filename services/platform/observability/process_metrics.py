"""What every process reports of itself: which build it is, and how much room its disk has.

And what one of them reports of all that a supervisor keeps: how often each was started again.
"""

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from opentelemetry import metrics
from opentelemetry.metrics import Observation

from services.platform.observability.names import (
    METRIC_BUILD_INFO,
    METRIC_DISK_FREE,
    METRIC_PROCESS_RESTARTS,
    SCOPE,
)
from services.platform.observability.version import aviary_version

__all__ = ["ENDED", "HUNG", "observe_build", "observe_disks", "observe_restarts"]

ENDED: Final = "ended"
HUNG: Final = "hung"
"""Why a process was started again: it had ended by itself, or was ended as it hung."""


def observe_build(*, meter_provider: metrics.MeterProvider | None = None) -> None:
    """Report which build runs here."""
    build = {"version": aviary_version(), "python": platform.python_version()}
    meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
    meter.create_observable_gauge(METRIC_BUILD_INFO, [lambda _: [Observation(1, build)]])


def observe_disks(
    folders: Mapping[str, Path], *, meter_provider: metrics.MeterProvider | None = None
) -> None:
    """Report what is free of the disks with these folders, by name, when an exporter asks.

    One that is not there (yet) is left out.
    """

    def observe(_options: object) -> list[Observation]:
        shares = {name: _free_share(folder) for name, folder in folders.items()}
        return [
            Observation(share, {"folder": name})
            for name, share in shares.items()
            if share is not None
        ]

    meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
    meter.create_observable_gauge(METRIC_DISK_FREE, [observe])


def observe_restarts(path: Path, *, meter_provider: metrics.MeterProvider | None = None) -> None:
    """Report the restarts that a supervisor counts at `path`: JSON, `{process: {reason: times}}`.

    None, while it cannot be read: the supervisor has gone, or is just writing.
    """

    def observe(_options: object) -> list[Observation]:
        try:
            counts = json.loads(path.read_bytes())
        except (OSError, ValueError):
            return []
        return [
            Observation(times, {"process": process, "reason": reason})
            for process, reasons in counts.items()
            for reason, times in reasons.items()
        ]

    meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
    meter.create_observable_counter(METRIC_PROCESS_RESTARTS, [observe], unit="{restart}")


def _free_share(folder: Path) -> float | None:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None
    # To everybody but root, who is kept a reserve.
    return disk.f_bavail / disk.f_blocks if disk.f_blocks else None
