"""Limits in the whole system, as `make run` starts it."""

from pathlib import Path

import httpx

from tests.e2e.conftest import start, stop


def test_sign_ups_of_an_address_are_limited_and_reads_go_on(tmp_path: Path) -> None:
    mesh = start(tmp_path / "data", AVIARY_EDGE_LIMITS="on")
    try:
        answers = [_sign_up(mesh.rest, number) for number in range(12)]
        assert answers[0].status_code == httpx.codes.OK, answers[0].text
        assert answers[0].headers["x-rate-limit-limit"] == "10"
        assert answers[-1].status_code == httpx.codes.TOO_MANY_REQUESTS
        assert int(answers[-1].headers["retry-after"]) >= 1
        user_id = answers[0].json()["user"]["user_id"]
        read = mesh.rest.get(f"/v1/users/{user_id}")
        assert read.status_code == httpx.codes.OK
        assert int(read.headers["x-rate-limit-remaining"]) > 0
        challenge = mesh.rest.post("/v1/challenges", json={"flow": "sign-up"})
        assert challenge.json()["difficulty_bits"] > 0
    finally:
        assert stop(mesh) == 0


def _sign_up(rest: httpx.Client, number: int) -> httpx.Response:
    return rest.post("/v1/users", json={"handle": f"limited_{number}", "display_name": "L"})
