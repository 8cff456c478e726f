"""Proofs of work, with a real Valkey that remembers which were used."""

import hashlib

import pytest

from gateway.control_plane.proof_of_work import ProofOfWork
from services.platform.errors import InvalidArgumentError
from services.platform.security.step_up import solve
from services.platform.valkey.connection import ValkeyClient
from tests.contract.moved_clocks import MovedClock, clock
from tests.contract.valkey_clients import client, server

__all__ = ["client", "clock", "server"]


async def test_a_challenge_dated_ahead_by_a_wrong_clock_is_refused(
    client: ValkeyClient, clock: MovedClock
) -> None:
    work = ProofOfWork(client, clock, lambda: [b"k" * 32], difficulty_bits=8)
    challenge = work.issue("post", "user:1")
    proof = solve(challenge.text, challenge.difficulty_bits)
    clock.ms -= 3_600_000
    assert not await work.verify("post", "user:1", proof)


async def test_a_proof_counts_once(client: ValkeyClient, clock: MovedClock) -> None:
    work = ProofOfWork(client, clock, lambda: [b"k" * 32], difficulty_bits=8)
    challenge = work.issue("post", "user:1")
    proof = solve(challenge.text, challenge.difficulty_bits)
    assert not await work.verify("sign-up", "user:1", proof)
    assert not await work.verify("post", "user:2", proof)
    assert await work.verify("post", "user:1", proof)
    assert not await work.verify("post", "user:1", proof)
    assert not await work.verify("post", "user:1", solve(challenge.text + "0", 0))


@pytest.mark.parametrize(
    "proof", ["", ":", "a.b:1", "1.post.0.9999999999999.00.:1", "x" * 1_000, "é:1"]
)
async def test_a_made_up_proof_is_refused(
    client: ValkeyClient, clock: MovedClock, proof: str
) -> None:
    assert not await ProofOfWork(client, clock, lambda: [b"k" * 32]).verify("post", "user:1", proof)


async def test_a_late_or_lazy_proof_is_refused(client: ValkeyClient, clock: MovedClock) -> None:
    work = ProofOfWork(client, clock, lambda: [b"k" * 32], difficulty_bits=8)
    challenge = work.issue("post", "user:1")
    lazy = next(f"{challenge.text}:{n}" for n in range(999) if _first_byte(challenge.text, n))
    assert not await work.verify("post", "user:1", lazy)
    proof = solve(challenge.text, challenge.difficulty_bits)
    clock.ms = challenge.expires_ms
    assert not await work.verify("post", "user:1", proof)


def _first_byte(text: str, number: int) -> int:
    return hashlib.sha256(f"{text}:{number}".encode()).digest()[0]


async def test_a_flow_with_dots_is_refused(client: ValkeyClient, clock: MovedClock) -> None:
    with pytest.raises(InvalidArgumentError):
        ProofOfWork(client, clock, lambda: [b"k" * 32]).issue("post.0", "user:1")
