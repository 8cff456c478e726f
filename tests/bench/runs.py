"""A made-up results.json, whose figures are easily added up."""

from typing import Any


def row(name: str, cpu_us: dict[str, float]) -> dict[str, Any]:
    return {"name": name, "cpu_us": cpu_us, "total_cpu_us": sum(cpu_us.values())}


def scenario(name: str, rows: list[Any], figures: dict[str, float] | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "failure": "",
        "rows": rows,
        "figures": [{"name": each, "value": value} for each, value in (figures or {}).items()],
    }


def run(mix_us: float = 500.6) -> dict[str, Any]:
    """Its parts predict 500.6 µs for a request of the mix: 240 + 60 + 200 and 0.3 deliveries."""
    return {
        "version": 2,
        "began": "2026-01-02T00:00:00+00:00",
        "settings": {"follows": 60, "people": 20},
        "scenarios": [
            scenario("fanout", [row("a delivery", {"fanout": 1.5, "valkey cache": 0.5})]),
            scenario(
                "mix-parts",
                [
                    row("home of 10, warm", {"envoy": 250.0, "timeline": 150.0}),
                    row("user timeline of 10", {"envoy": 120.0, "timeline": 80.0}),
                    row("post, no followers", {"tweet": 1_500.0, "envoy": 500.0}),
                ],
            ),
            scenario(
                "mix",
                [
                    row("Aviary", {"envoy": mix_us}),
                    {"name": "Aviary, home", "cpu_us": {}, "total_cpu_us": None},
                ],
            ),
            scenario("post-rate", [row("Aviary", {"tweet": 900.0, "fanout": 250.0})]),
            scenario("home-read", [row("Aviary", {"envoy": 300.0, "timeline": 200.0})]),
            scenario(
                "home-wide",
                [
                    row("200 followings", {"timeline": 500.0}),
                    row("5,000 followings", {"timeline": 700.0}),
                    row("200, of whom 50 celebrities", {"timeline": 600.0}),
                ],
            ),
            scenario("footprint", [], {"hot entry": 9.0, "stored entry": 50.0}),
            scenario("delivery", [], {"to the last of 100, median": 40.0}),
        ],
    }
