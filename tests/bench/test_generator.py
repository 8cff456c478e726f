"""The load generator against servers whose speed is known."""

import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import cycle

import pytest

from bench.errors import BenchError
from bench.load.http import GRACE_S
from bench.load.plan import Plan, source_address
from bench.load.run import Latencies, generate
from bench.measuring import Measured, Sample, Subject, take_turns
from tests.bench.servers import served, stalling

REQUEST = "GET / HTTP/1.1\r\nhost: test\r\n\r\n"
HOST = "127.0.0.1"
SLOW_S = 0.02
STALL_S = 0.6
LATE_S = 0.000_3
TRIES = 10


def test_a_slow_subject_comes_out_slower() -> None:
    with ExitStack() as stack:
        fast = stack.enter_context(served(lambda: None))
        slow = stack.enter_context(served(partial(time.sleep, SLOW_S)))
        subjects = [
            Subject(name=name, plan=partial(_plan, port, count=60), cpu=dict)
            for name, port in (("fast", fast), ("slow", slow))
        ]
        quick, tardy = take_turns(subjects, rounds=2)
    assert [one.count for one in (*quick.samples, *tardy.samples)] == [60] * 4
    assert tardy.rate < quick.rate
    assert tardy.latencies().percentile(0) >= SLOW_S
    assert quick.generator_us > 0


def test_an_open_loop_counts_the_wait_of_all_who_would_have_asked_meanwhile() -> None:
    """A closed loop asks a stalled server nothing, and so hardly notices."""
    plan = Plan(host=HOST, port=0, requests=[REQUEST], connections=4, seconds=1.0, rate=100.0)
    with served(stalling(20, STALL_S), one_at_a_time=True) as port:
        opened = generate(_at(plan, port))
    with served(stalling(20, STALL_S), one_at_a_time=True) as port:
        closed = generate(_plan(port, count=100))
    assert opened.statuses == {"200": 100}
    assert closed.statuses == {"200": 100}
    # Half of the stall and more: those of its first half.
    waited = [one for one in opened.latencies[0] if one > STALL_S / 2]
    assert len(waited) > 20
    assert opened.seconds >= 0.99


def test_kinds_are_told_apart() -> None:
    with served(lambda: None) as port:
        plan = Plan(
            host=HOST, port=port, requests=[REQUEST] * 3, kinds=[0, 0, 1], connections=2, count=30
        )
        outcome = generate(plan)
    assert [len(each) for each in outcome.latencies] == [20, 10]


def test_a_refusal_ends_the_run() -> None:
    with served(lambda: None) as port:
        bad = Plan(
            host=HOST,
            port=port,
            requests=[REQUEST.replace("GET", "PUT")],
            connections=1,
            count=1,
        )
        with pytest.raises(BenchError, match="501"):
            generate(bad)


def test_requests_unanswered_in_time_count_as_long() -> None:
    """What a server does not keep up with is in the percentiles, not left out."""
    plan = Plan(host=HOST, port=0, requests=[REQUEST], connections=1, seconds=0.2, rate=500.0)
    with served(partial(time.sleep, 0.15), one_at_a_time=True) as port:
        outcome = generate(_at(plan, port), overload=True)
    assert sum(map(len, outcome.latencies)) == 100
    assert outcome.statuses["unanswered"] > 0
    assert Latencies.of([outcome]).percentile(0.99) > 5


@pytest.mark.parametrize("rate", [None, 50.0])
def test_who_is_turned_away_at_once_was_not_answered_fast(rate: float | None) -> None:
    with served(lambda: None, one_at_a_time=True, statuses=cycle([200, 503])) as port:
        plan = Plan(host=HOST, port=port, requests=[REQUEST], connections=1, seconds=0.4, rate=rate)
        outcome = generate(plan, overload=True)
    (latencies,) = outcome.latencies
    turned_away = outcome.statuses["503"]
    assert turned_away > 0
    assert sum(one >= GRACE_S for one in latencies) == turned_away
    assert outcome.refusal.startswith("HTTP/1.1 503")
    sample = Sample(outcome, {}, outcome.seconds)
    assert (sample.count, sample.failed) == (outcome.statuses["200"], turned_away)
    assert Measured("all", [sample]).rate == Measured("all", [sample]).rate_of(0)


def test_an_open_loop_sends_when_it_is_due_and_not_at_the_next_millisecond() -> None:
    """At 400 a second a request is due half a millisecond after a whole one, every second time."""
    with served(lambda: None) as port:
        plan = Plan(host=HOST, port=port, requests=[REQUEST], connections=64)
        # Something else may take the cores for a while.
        for _ in range(TRIES):
            outcome = generate(replace(plan, seconds=0.5, rate=400.0))
            assert outcome.statuses == {"200": 200}
            if outcome.late_s < LATE_S:
                return
    raise AssertionError(f"half of the requests are sent {outcome.late_s} s late or later")


def test_percentiles() -> None:
    latencies = Latencies([n / 100 for n in range(1, 101)])
    assert latencies.percentile(0) == 0.01
    assert latencies.percentile(0.5) == 0.51
    assert latencies.percentile(0.99) == 1.0
    with pytest.raises(BenchError):
        Latencies([]).percentile(0.5)


def test_source_addresses_are_loopback_and_differ() -> None:
    addresses = [source_address(number) for number in range(2_000)]
    assert len(set(addresses)) == 2_000
    assert all(one.startswith("127.1.") for one in addresses)
    assert not any(one.endswith((".0", ".255")) for one in addresses)


def _plan(port: int, count: int) -> Plan:
    return Plan(host=HOST, port=port, requests=[REQUEST], connections=4, count=count)


def _at(plan: Plan, port: int) -> Plan:
    return Plan(
        host=plan.host,
        port=port,
        requests=plan.requests,
        connections=plan.connections,
        seconds=plan.seconds,
        rate=plan.rate,
    )
