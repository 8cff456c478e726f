"""The model's arithmetic: followers, queues, fleets, and the command that shows them."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from bench.capacity.assumptions import SEED, Assumptions, Prices, change
from bench.capacity.command import main
from bench.capacity.costs import DEFAULTS
from bench.capacity.followers import fitted
from bench.capacity.lag import erlang_c, expected_wait, poisson, simulate, surge
from bench.capacity.model import Model, best, thresholds
from bench.errors import BenchError
from services.platform.config.settings import DEFAULT_CELEBRITY_THRESHOLD


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.of(SEED, Assumptions(), Prices(), DEFAULTS)


def test_followers_have_the_mean_and_add_up() -> None:
    few = fitted(mean=20, power=2.276, largest=3_000)
    assert few.mean == pytest.approx(20)
    chances = [few.at_least(k) - few.at_least(k + 1) for k in range(3_001)]
    assert sum(chances) == pytest.approx(1)
    above = math.fsum(k * chance for k, chance in enumerate(chances) if k > 100)
    # The sum of tails is an integral there, and here a sum.
    assert few.mean_above(100) == pytest.approx(above, rel=1e-4)
    assert few.share_above(100) == pytest.approx(sum(chances[101:]))
    assert few.mean_above(3_000) == 0
    assert few.at_least(few.threshold_of(0.01)) == pytest.approx(0.01)


def test_followers_are_drawn_as_they_are_distributed() -> None:
    few = fitted(mean=20, power=2.276, largest=3_000)
    rng = Random(1)  # noqa: S311 - drawn again from the same seed
    drawn = [few.draw(rng) for _ in range(50_000)]
    assert max(drawn) <= 3_000
    assert sum(drawn) / len(drawn) == pytest.approx(20, rel=0.1)
    assert sum(one > 100 for one in drawn) / len(drawn) == pytest.approx(
        few.share_above(100), rel=0.1
    )


def test_celebrities_are_in_the_tail_that_twitter_has() -> None:
    followers = fitted(SEED.followings, Assumptions().power, int(SEED.daily_users))
    assert followers.mean == pytest.approx(200)
    # "Heavy tail with celebrities at 10M+".
    assert 5 < SEED.daily_users * followers.share_above(10_000_000) < 100


@pytest.mark.parametrize(
    ("mean", "power"), [(200.0, 2.0), (200.0, 1.0), (0.0, 2.276), (6e7, 2.276)]
)
def test_what_no_distribution_has_is_refused(mean: float, power: float) -> None:
    with pytest.raises(BenchError):
        fitted(mean, power, 100_000_000)


def test_the_queue_waits_as_long_as_theory_says() -> None:
    rng = Random(7)  # noqa: S311 - drawn again from the same seed
    workers, rate, mean_s = 4, 300.0, 0.01
    lag = simulate(poisson(rate, rng), lambda: [rng.expovariate(1 / mean_s)], workers, 200_000)
    # Service times at random: the variance is the squared mean, and the formula exact.
    assert lag.mean_wait_s == pytest.approx(expected_wait(rate, mean_s, 1.0, workers), rel=0.1)
    fixed = simulate(poisson(rate, rng), lambda: [mean_s], workers, 200_000)
    assert fixed.mean_wait_s == pytest.approx(expected_wait(rate, mean_s, 0.0, workers), rel=0.15)


def test_pages_of_a_tweet_are_written_side_by_side() -> None:
    def rarely() -> Iterator[float]:
        while True:
            yield 100.0

    assert simulate(rarely(), lambda: [1.0] * 4, 4, 20).p99_s == pytest.approx(1.0)
    assert simulate(rarely(), lambda: [1.0] * 4, 2, 20).p99_s == pytest.approx(2.0)


def test_queues_that_cannot_keep_up_wait_for_ever() -> None:
    assert erlang_c(1, 0.5) == pytest.approx(0.5)
    assert erlang_c(2, 2.0) == 1.0
    assert expected_wait(100.0, 1.0, 1.0, 50) == math.inf
    # Ten times the work for ten seconds: nine seconds' worth of ten are left at each.
    assert surge(100.0, 10.0, 10.0) == pytest.approx(90.0)
    assert surge(5.0, 10.0, 10.0) == 0.0


def test_the_seed_comes_out_as_it_reckons_itself(model: Model) -> None:
    everything = model.plan(int(SEED.daily_users))
    assert everything.load_mean.posts == pytest.approx(3_472, rel=0.01)
    assert everything.load_mean.home_reads == pytest.approx(580_000, rel=0.01)
    assert everything.load_mean.deliveries * 86_400 == pytest.approx(60e9)
    assert everything.load_peak.deliveries == pytest.approx(7e6, rel=0.01)
    assert everything.load_peak.home_reads >= SEED.regional_peak_reads
    assert model.tweets_bytes_per_day() == (300e9, 900e9)


def test_a_region_of_many_takes_the_peak_of_an_event(model: Model) -> None:
    two = Model.of(SEED, change(Assumptions(), [("serving_regions", 3.0)]), Prices(), DEFAULTS)
    assert two.plan(500_000).load_peak.home_reads == SEED.regional_peak_reads
    assert two.plan(500_000).load_mean.home_reads == pytest.approx(
        model.plan(500_000).load_mean.home_reads / 3
    )


def test_pods_are_what_their_share_of_the_cpu_takes(model: Model) -> None:
    plan = model.plan(int(SEED.daily_users))
    warm, cold = 0.99 * 578_703.7, 0.01 * 578_703.7
    busy = (warm * 380 + cold * 440 + 3_472.2 * 1_490 + 1_157.4 * 490) / 1e6
    assert plan.mean.vcpu["edge"] == pytest.approx(busy, rel=1e-3)
    assert plan.mean.pods["edge"] == pytest.approx(busy / 0.6 / 4, rel=1e-3)


def test_pushing_writes_more_rows_and_merging_takes_more_pods(model: Model) -> None:
    low, high = model.plan(100_000), model.plan(5_000_000)
    assert low.load_mean.deliveries < high.load_mean.deliveries
    assert low.mean.pods["timeline"] > high.mean.pods["timeline"]
    assert low.mean.pods["fanout"] < high.mean.pods["fanout"]
    # So many celebrities that reading their list is all that a process does.
    assert model.plan(1_000).total == math.inf


def test_the_default_threshold_is_as_good_as_the_best(model: Model) -> None:
    cheapest = best(model.curve())
    assert model.plan(DEFAULT_CELEBRITY_THRESHOLD).total <= cheapest.total * 1.01
    ends = model.curve()
    assert cheapest.total < min(ends[0].total, ends[-1].total)


def test_thresholds_rise_and_have_both_ends() -> None:
    tried = list(thresholds(1_000, 12_345_678))
    assert tried == sorted(set(tried))
    assert (tried[0], tried[-1]) == (1_000, 12_345_678)


def test_the_command_writes_a_document_and_a_page(tmp_path: Path) -> None:
    said = CliRunner().invoke(main, ["--share", "0.1", "--out", str(tmp_path)])
    assert said.exit_code == 0, said.output
    assert "pods of timeline" in said.output
    document = json.loads((tmp_path / "capacity.json").read_text())
    assert document["scale"]["daily_users"] == 10e6
    assert document["dollars_total"] == pytest.approx(sum(document["dollars"].values()))
    assert document["best_from"] <= document["best_threshold"] <= document["best_to"]
    page = (tmp_path / "capacity.html").read_text()
    assert page.count("<svg") == 3
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--set", "vcpu=1"], "there is no 'vcpu'"),
        (["--set", "peak=high"], "not a number"),
        (["--set", "peak=-1"], "wanted 0 or more"),
        (["--set", "utilisation=0"], "above 0"),
        (["--threshold", "1000"], "cannot be served"),
        (["--check"], "--results"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: list[str], said: str, tmp_path: Path) -> None:
    refused = CliRunner().invoke(main, [*options, "--out", str(tmp_path)])
    assert refused.exit_code in {1, 2}
    assert said in refused.output
    assert not list(tmp_path.glob("capacity.*"))


def test_the_wall_is_the_list_of_celebrities_that_each_process_reads(tmp_path: Path) -> None:
    free = CliRunner().invoke(
        main, ["--set", "celebrity_refreshes=0", "--set", "kept_lists=1e9", "--out", str(tmp_path)]
    )
    assert free.exit_code == 0, free.output
    assert "cannot be served" not in free.output
    assert json.loads((tmp_path / "capacity.json").read_text())["unserved_below"] is None
    usual = CliRunner().invoke(main, ["--out", str(tmp_path)])
    assert "readers cannot be served" in usual.output


def test_help_and_lists_name_every_number() -> None:
    assert "Examples" in CliRunner().invoke(main, ["--help"]).output
    listed = CliRunner().invoke(main, ["--assumptions", "--set", "pubsub_tb=7"]).output
    assert "regional_peak_reads" in listed
    assert "bigtable_writes" in listed
    assert "7\n" in listed.partition("pubsub_tb")[2]
    assert "performance.md" in CliRunner().invoke(main, ["--costs"]).output
