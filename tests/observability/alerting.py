"""The rules with short times, and which of their alerts fire."""

import re
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

import yaml

from tests.observability.watching import Watched, until
from tools.observability.rules import rule_file

__all__ = [
    "annotations",
    "clears",
    "fired",
    "fires",
    "firing",
    "has_ended",
    "has_fired",
    "short_rules",
    "shortened",
]

SHORTER: Final = 20
"""Of service levels: five minutes become a quarter of one, in which Envoy brings its histograms up
three times."""
WINDOWS: Final = {"5m": "10s", "10m": "15s", "15m": "15s", "1h": "30s", "1d": "1d"}
"""Of all other rules. Whoever looks at a Valkey does so every ten seconds, and a window has to see
two looks; what is compared with its average has not run for a day."""
WAITS: Final = {
    "15s": "1s",
    "1m": "1s",
    "2m": "1s",
    "5m": "2s",
    "10m": "5s",
    "15m": "7s",
    "30m": "15s",
    "1h": "20s",
}
SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
FIRES_WITHIN_S: Final = 150.0
CLEARS_WITHIN_S: Final = 180.0

Labels = Mapping[str, str]


def shortened(rules: Any) -> Any:
    """The same rules with short windows and waits."""
    return {"groups": [_shortened(group) for group in rules["groups"]]}


def _shortened(group: Any) -> Any:
    text = yaml.safe_dump(group, width=10_000)
    windows, waits = r"\[(\d+[smhd])\]", r"\bfor: (\d+[smhd])\b"
    if group["name"].startswith("slo-"):
        text = re.sub(windows, lambda at: f"[{_divided(at[1])}]", text)
    else:
        text = re.sub(windows, lambda at: f"[{WINDOWS[at[1]]}]", text)
        text = re.sub(waits, lambda at: f"for: {WAITS[at[1]]}", text)
    return yaml.safe_load(text)


def _divided(time_text: str) -> str:
    return f"{max(1, int(time_text[:-1]) * SECONDS[time_text[-1]] // SHORTER)}s"


def short_rules() -> str:
    """The file of rules, as Prometheus reads it."""
    return yaml.safe_dump(shortened(rule_file()), width=10_000)


def firing(watched: Watched) -> list[Labels]:
    """Labels of the alerts that fire now."""
    alerts = watched.prometheus.get("/alerts")["alerts"]
    return [each["labels"] for each in alerts if each["state"] == "firing"]


def annotations(watched: Watched) -> list[str]:
    """All texts of the alerts that fire now."""
    alerts = watched.prometheus.get("/alerts")["alerts"]
    shown = [each["annotations"] for each in alerts if each["state"] == "firing"]
    return [text for each in shown for text in each.values()]


def fired(watched: Watched, since_s: float) -> list[Labels]:
    """Labels of the alerts that have fired since a moment of the monotonic clock."""
    seconds = int(time.monotonic() - since_s) + 1
    query = f'present_over_time(ALERTS{{alertstate="firing"}}[{seconds}s])'
    return [each["metric"] for each in watched.prometheus.get("/query", query=query)["result"]]


def has_fired(watched: Watched, wanted: Iterable[Labels], since_s: float) -> None:
    """Wait until each has, however shortly."""
    missing = list(wanted)

    def holds() -> bool:
        found = fired(watched, since_s)
        missing[:] = [each for each in missing if not _among(each, found)]
        return not missing

    until(holds, FIRES_WITHIN_S, lambda: {"missing": missing, "fired": fired(watched, since_s)})


def has_ended(watched: Watched, unwanted: Iterable[Labels]) -> None:
    """Wait until none of them fires."""
    gone = list(unwanted)

    def holds() -> bool:
        found = firing(watched)
        return not any(_among(each, found) for each in gone)

    until(holds, CLEARS_WITHIN_S, lambda: {"firing": firing(watched)})


def _among(wanted: Labels, found: Iterable[Labels]) -> bool:
    return any(wanted.items() <= each.items() for each in found)


def fires(watched: Watched, *levels: str) -> None:
    """Wait until the fastest page of each of these service levels fires."""
    until(
        lambda: all(_among(_page(each), firing(watched)) for each in levels),
        FIRES_WITHIN_S,
        lambda: (levels, firing(watched), _levels(watched)),
    )


def clears(watched: Watched, *levels: str) -> None:
    """Wait until it does not."""
    until(
        lambda: not any(_among(_page(each), firing(watched)) for each in levels),
        CLEARS_WITHIN_S,
        lambda: (levels, firing(watched), _levels(watched)),
    )


def _page(level: str) -> Labels:
    return {"alertname": "SloBurn", "slo": level, "window": "1h"}


def _levels(watched: Watched) -> Any:
    return watched.prometheus.get("/query", query="slo:bad_requests:ratio_rate5m")["result"]
