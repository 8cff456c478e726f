"""Authors read what they wrote while the fan-out stands still."""

from tests.e2e.acting import eventually, follow, home, post, stopped, user
from tests.e2e.conftest import Mesh


def test_own_tweets_outlive_a_lost_cache(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    follow(mesh, ada, bob)
    theirs = post(mesh, bob)
    before = [post(mesh, ada), theirs]
    eventually(lambda: home(mesh, ada), before, mesh.engine.within_s)
    with mesh.valkey("cache") as cache, stopped(mesh, "fanout"):
        posted = [post(mesh, ada) for _ in range(5)][::-1]
        deleted = posted.pop(2)
        answer = mesh.rest.delete(f"/v1/tweets/{deleted}", params={"user_id": ada})
        assert answer.status_code == 200, answer.text
        expected = [*posted, *before]
        cache.flushall()
        for limit in (50, 50, 2, 1):
            assert home(mesh, ada, limit) == expected
        newest = post(mesh, ada)
        expected.insert(0, newest)
        assert home(mesh, ada) == expected
        cache.flushall()
        # The first page read is not the one that fills the list from its beginning.
        for limit in (2, 50):
            assert home(mesh, ada, limit) == expected
        late = post(mesh, bob)
    # Theirs comes once the fan-out is back, and with it all that it does again.
    eventually(lambda: home(mesh, ada), [late, *expected], mesh.engine.within_s)
    for limit in (50, 2, 1):
        assert home(mesh, ada, limit) == [late, *expected]
