"""Limits in the whole system, as `make run` starts it."""

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.acting import eventually, post, user
from tests.e2e.conftest import Mesh, start, stop
from tests.identity.world import PASSWORD

SIGN_UPS = 10  # of one address in a minute, by docs/reference/rate-limits.md
MINUTE_S = 60
GUESSES = 60  # at three points each, well past what makes a subject hostile


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    running = start(tmp_path_factory.mktemp("limits") / "data", AVIARY_EDGE_LIMITS="on")
    yield running
    assert stop(running) == 0


def test_sign_ups_of_an_address_are_limited_exactly_and_reads_go_on(mesh: Mesh) -> None:
    """The gateway counts them: a `ShouldRateLimit` for each, through its sidecar if it has one."""
    began_s, answers = time.monotonic(), [_sign_up(mesh.rest, 0)]
    while answers[-1].is_success:
        answers.append(_sign_up(mesh.rest, len(answers)))
    # While these were sent, the bucket has filled a little.
    given_back = (time.monotonic() - began_s) * SIGN_UPS / MINUTE_S
    assert SIGN_UPS <= len(answers) - 1 <= SIGN_UPS + given_back
    assert answers[-1].status_code == httpx.codes.TOO_MANY_REQUESTS
    assert answers[0].headers["x-rate-limit-limit"] == str(SIGN_UPS)
    assert int(answers[-1].headers["retry-after"]) >= 1
    user_id = answers[0].json()["user_id"]
    read = mesh.rest.get(f"/v1/users/{user_id}")
    assert read.status_code == httpx.codes.OK
    assert int(read.headers["x-rate-limit-remaining"]) > 0
    challenge = mesh.rest.post("/v1/challenges", json={"flow": "sign-up"})
    assert challenge.json()["difficulty_bits"] > 0


def test_a_load_by_the_operators_token_costs_nobody_at_its_address_anything(mesh: Mesh) -> None:
    """Not even where much of it fails."""
    author = user(mesh)
    before = _read_limit(mesh)
    for number in range(GUESSES):
        post(mesh, author, f"number {number} of a load")
        missing = mesh.rest.get(f"/v1/users/{author + 1 + number}")
        assert missing.status_code == httpx.codes.NOT_FOUND
    # The edge tells of everything within half a second: by the time that it has told enough of
    # somebody elsewhere, it has told of all that.
    elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(base_url=mesh.rest.base_url, transport=elsewhere) as other:
        for number in range(GUESSES):
            guess = {"authorization": f"Bearer other-guess-{number}"}
            other.get("/v1/timeline/home", headers=guess)
        shown = dict(mesh.rest.headers)
        eventually(
            lambda: _limit_of(other.get("/v1/users/1", headers=shown)) < before, expected=True
        )
    assert _read_limit(mesh) == before


def test_who_guesses_tokens_is_slowed(mesh: Mesh) -> None:
    """The edge reports refusals by access log; the new limits reach it as extension configs."""
    before = _read_limit(mesh)
    for number in range(GUESSES):
        guess = {"authorization": f"Bearer guess-{number}"}
        answer = httpx.get(f"{mesh.rest.base_url}/v1/timeline/home", headers=guess)
        assert answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.TOO_MANY_REQUESTS}
    eventually(lambda: _read_limit(mesh) < before, expected=True)


def _read_limit(mesh: Mesh) -> int:
    return _limit_of(mesh.rest.get("/v1/users/1"))


def _limit_of(answer: httpx.Response) -> int:
    return int(answer.headers["x-rate-limit-limit"])


def _sign_up(rest: httpx.Client, number: int) -> httpx.Response:
    body = {"handle": f"limited_{number}", "display_name": "L", "password": PASSWORD}
    # Without the token that the client shows otherwise: whoever signs up has none.
    return httpx.post(f"{rest.base_url}/oauth/sign-up", json=body)
