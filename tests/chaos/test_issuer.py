"""The issuer hangs: who has a token goes on, also at an edge that is started meanwhile."""

import base64
import json
import os
import signal
from pathlib import Path
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from gateway.control_plane.keys import KEY_SETS_KEY
from tests.chaos.conftest import Faults, until
from tests.e2e.acting import home, post, user
from tests.e2e.edge_admin import edge_process


def killed(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{pid}").exists())


def edge_killed(faults: Faults) -> None:
    """Ends the edge, and waits until another takes the token of before."""
    killed(edge_process(faults.mesh.data_dir))
    until(lambda: takes_the_token(faults))


def takes_the_token(faults: Faults) -> bool:
    try:
        answer = faults.mesh.rest.get("/v1/timeline/home", params={"user_id": 0})
    except httpx.HTTPError:
        return False
    # 400: a token that says who asks has been taken, and there is no user 0.
    return answer.status_code not in {401, 403} and answer.status_code < 500


def part(token: str, number: int) -> Any:
    raw = token.split(".")[number]
    return json.loads(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))


def forged(token: str) -> str:
    header = part(token, 0)
    key = ECKey.generate_key("P-256", {"kid": header["kid"]})
    return jwt.encode(header, part(token, 1), key, algorithms=["ES256"])


def test_edge_is_started_while_the_issuer_hangs(faults: Faults) -> None:
    mesh = faults.mesh
    ada = user(mesh)
    tweet = post(mesh, ada)
    scheme, _, token = mesh.rest.headers["authorization"].partition(" ")
    with faults.valkey("cache") as cache:
        until(lambda: bool(cache.exists(KEY_SETS_KEY)))
    with faults.stopped(faults.pid("identity")):
        edge_killed(faults)
        assert home(mesh, ada) == [tweet]
        bad = {"authorization": f"{scheme} {forged(token)}"}
        answer = mesh.rest.get("/v1/timeline/home", params={"user_id": ada}, headers=bad)
        assert answer.status_code == 401, answer.text
        # A gateway that knows nothing itself finds what the one before it has kept.
        killed(faults.pid("gateway"))
        edge_killed(faults)
        assert home(mesh, ada) == [tweet]
