"""Whoever consumes can be paused, also a service that is made tomorrow."""

from services.fanout.spec import CONTROLS
from services.platform.bus.port import Subscription
from services.platform.specs import ServiceSpec, all_specs, pauses_table
from services.platform.specs.discovery import _reading_pauses


def test_one_service_keeps_them() -> None:
    owner, table = pauses_table()
    assert table in all_specs()[owner].tables
    assert "aviary.queue.v1.QueueService" in all_specs()[owner].contracts


def test_every_service_that_consumes_reads_them() -> None:
    owner, _ = pauses_table()
    for spec in all_specs().values():
        if spec.subscriptions and spec.name != owner:
            assert owner in spec.opens_rows_of, spec.name
            assert spec.uses_rows


def test_a_new_service_does_so_without_saying_it() -> None:
    made = ServiceSpec(
        name="search",
        summary="finds tweets",
        port=50_099,
        subscriptions=(Subscription("search.tweets", "tweet-events"),),
    )
    assert _reading_pauses(made, ("fanout",)).opens_rows_of == ("fanout",)
    silent = ServiceSpec(name="media", summary="keeps pictures", port=50_098)
    assert _reading_pauses(silent, ("fanout",)) == silent
    keeper = ServiceSpec(
        name="fanout",
        summary="keeps pauses",
        port=50_097,
        subscriptions=made.subscriptions,
        keeps_pauses=CONTROLS,
    )
    assert _reading_pauses(keeper, ("fanout",)) == keeper
