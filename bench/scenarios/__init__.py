"""Scenarios: each measures one thing, and says what it is to reach."""

from types import ModuleType

from bench.scenarios import (
    deletion,
    delivery,
    fanout,
    fanout_hot,
    follows,
    footprint,
    home_cold,
    home_grpc,
    home_latency,
    home_plain,
    home_read,
    home_wide,
    mix,
    mix_parts,
    post,
    post_rate,
    restart,
    soak,
)

__all__ = ["SCENARIOS"]

SCENARIOS: dict[str, ModuleType] = {
    one.NAME: one
    for one in (
        post,
        post_rate,
        home_read,
        home_grpc,
        home_latency,
        home_plain,
        home_cold,
        home_wide,
        fanout,
        fanout_hot,
        delivery,
        deletion,
        follows,
        mix_parts,
        mix,
        footprint,
        soak,
        restart,
    )
}
"""In the order in which they run: what changes the data most comes last."""
