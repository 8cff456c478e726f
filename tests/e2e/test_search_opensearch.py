"""Search over REST with one index for all, in OpenSearch: while it is there, away, and back."""

import os
import signal
from pathlib import Path

from tests.contract.opensearch_stand_in import opensearch_stand_in
from tests.e2e.acting import eventually, post
from tests.e2e.conftest import start, stop
from tests.e2e.operators import operate
from tests.e2e.test_search import drop, make, search

WITHIN_S = 60.0


def test_tweets_are_found_in_a_shared_index_and_posts_go_on_without_it(tmp_path: Path) -> None:
    with opensearch_stand_in() as stand_in:
        stand_in.login = "aviary:hunter22"
        url = stand_in.url.replace("://", "://aviary:hunter22@")
        mesh = start(tmp_path / "data", AVIARY_SEARCH_URL=url)
        try:
            ada = make(mesh, "ada_shares")
            first, second = post(mesh, ada, "a shared okapi"), post(mesh, ada, "an okapi alone")
            eventually(lambda: search(mesh, ada, "okapi"), [second, first], WITHIN_S)
            assert search(mesh, ada, "okapis shared", sort="relevant") == [first]
            drop(mesh, ada, first)
            assert search(mesh, ada, "okapi") == [second]
            assert "aviary-tweets" in operate(mesh, "search-indexes")

            stand_in.fails_with = lambda _method, _path: 503
            asked = {"user_id": ada, "query": "okapi"}
            answer = mesh.rest.get("/v1/search", params=asked)
            assert answer.status_code == 503, answer.text
            third = post(mesh, ada, "an okapi meanwhile")
            # Whoever kept the index is killed as well, and another goes on when it is back.
            os.kill(mesh.children()["search"], signal.SIGKILL)
            stand_in.fails_with = lambda _method, _path: None
            eventually(lambda: found_or_none(mesh, ada), [third, second], WITHIN_S)
            eventually(lambda: "whole" in operate(mesh, "search-indexes"), True, WITHIN_S)  # noqa: FBT003
            logs = "".join(each.read_text() for each in (mesh.data_dir / "logs").glob("*.log"))
            assert "hunter22" not in logs
        finally:
            assert stop(mesh) == 0


def found_or_none(mesh, reader: int) -> list[int] | None:
    """What is found, None while nobody answers."""
    try:
        return search(mesh, reader, "okapi")
    except AssertionError:
        return None
