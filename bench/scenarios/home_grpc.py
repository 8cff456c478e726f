"""A warm home read of 50 tweets by gRPC, without the edge, beside the service that does nothing."""

from functools import partial

from bench.context import Bench
from bench.load.plan import Plan
from bench.load.run import GRPC
from bench.measuring import Subject, take_turns
from bench.reference import limit
from bench.results import Figure, Result, Row
from bench.rpcs import HOME_RPC
from bench.traffic import PAGE, home_pages, is_full
from services.local.readiness import HOST

__all__ = ["NAME", "TITLE", "run"]

NAME = "home-grpc"
TITLE = "Home read of 50, warm, gRPC without the edge"


def run(bench: Bench) -> Result:
    """Read many people's homes as the edge does, with its certificate."""
    pages = home_pages(bench.aviary, bench.viewers)
    with limit.running(bench.folder / NAME, {HOME_RPC: pages}) as reference:
        ours = Subject(
            name="Aviary",
            plan=partial(_plan, bench, str(bench.aviary.data_dir)),
            cpu=bench.aviary.cpu,
            idle=bench.idle,
            module=GRPC,
        )
        theirs = Subject(
            name="no-op, plaintext",
            plan=partial(_plan, bench, f"{HOST}:{reference.grpc_port}"),
            cpu=reference.cpu,
            module=GRPC,
        )
        aviary, bare = take_turns([ours, theirs], rounds=bench.options.rounds)
    return Result(
        NAME,
        TITLE,
        [
            Figure(
                "rate against the no-op",
                aviary.rate / bare.rate,
                target=0.5,
                at_size=is_full(pages),
            ),
            Figure("the same by CPU", bare.total_cpu_us / aviary.total_cpu_us),
        ],
        [Row.of(aviary), Row.of(bare)],
        ["The generator, a Python gRPC client, takes a core of its own in both."],
    )


def _plan(bench: Bench, where: str) -> Plan:
    return Plan(
        host=where,
        port=0,
        requests=[f"{viewer} {PAGE}" for viewer in bench.viewers],
        connections=bench.options.connections,
        seconds=bench.options.seconds,
    )
