"""Search over REST: tweets are found soon, and no longer once they are gone.

Each test has an animal of its own, which no test of another file may write about: they share a
system.
"""

import time

from tests.e2e.acting import eventually, follow, is_replaced, kill, post
from tests.e2e.conftest import Mesh
from tests.e2e.operators import operate

FOX = "The quick brown fox jumps over the lazy dog, and nobody knows why it does so"
Json = dict[str, object]


def make(mesh: Mesh, handle: str) -> int:
    answer = mesh.rest.post("/v1/users", json={"handle": handle, "display_name": handle})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["user"]["user_id"])


def search(mesh: Mesh, reader: int, query: str, **fields: object) -> list[int]:
    """All that is found, page by page."""
    ids: list[int] = []
    cursor = ""
    while True:
        asked = {"user_id": reader, "query": query, "cursor": cursor, "limit": 2, **fields}
        answer = mesh.rest.get("/v1/search", params=asked)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        ids += [int(tweet["tweet_id"]) for tweet in page["tweets"]]
        if "next_cursor" not in page:
            return ids
        assert len(page["tweets"]) == 2, "a page is full as long as more tweets exist"
        cursor = page["next_cursor"]


def drop(mesh: Mesh, author: int, tweet: int) -> None:
    answer = mesh.rest.delete(f"/v1/tweets/{tweet}", params={"user_id": author})
    assert answer.status_code == 200, answer.text


def test_a_tweet_is_found_and_not_after_its_deletion(mesh: Mesh) -> None:
    ada, bob = make(mesh, "seen"), make(mesh, "seeker")
    # Whatever starts is slower than what runs.
    warm = post(mesh, ada, "warming up")
    eventually(lambda: search(mesh, bob, "warm"), [warm], mesh.engine.within_s)
    tweets: list[int] = []
    for place in range(5):
        tweets.insert(0, post(mesh, ada, f"Zebras are running number{place}"))
        eventually(lambda: search(mesh, bob, "zebra run"), list(tweets), mesh.engine.within_s)
    assert set(search(mesh, bob, "zebra", sort="relevant")) == set(tweets)
    gone = tweets.pop(2)
    drop(mesh, ada, gone)
    # At once: the index may still have it.
    assert search(mesh, bob, "zebra") == tweets
    assert gone not in search(mesh, bob, "zebra", sort="relevant")


def test_terms_narrow_what_is_found(mesh: Mesh) -> None:
    ada, bob = make(mesh, "terms_ada"), make(mesh, "terms_bob")
    first = post(mesh, ada, "A #Platypus is a mammal https://example.com/platypus")
    answer = post(mesh, bob, "no platypus lays eggs, @terms_ada", in_reply_to_tweet_id=first)
    last = post(mesh, ada, "das Platypus ist nicht im Haus und schläft")
    # Each process has an index of its own, and the edge asks one after the other.
    processes = len(mesh.replicas()["search"])
    eventually(
        lambda: [search(mesh, bob, "platypus") for _ in range(processes)],
        [[last, answer, first]] * processes,
        mesh.engine.within_s,
    )
    for query, ids in {
        "#platypus": [first],
        "from:terms_ada platypus": [last, first],
        "from:@TERMS_BOB": [answer],
        "to:terms_ada": [answer],
        "from:nobody_at_all platypus": [],
        "platypus -from:nobody_at_all": [last, answer, first],
        "@terms_ada platypus": [answer],
        "platypus filter:links": [first],
        "platypus filter:replies": [answer],
        "platypus lang:de": [last],
        "platypuses -egg": [last, first],
        '"lays eggs"': [answer],
        '"eggs lays"': [],
        "platypus until:2024-01-02": [],
        "platypus since:2024-01-02": [last, answer, first],
    }.items():
        assert search(mesh, bob, query) == ids, query


def test_what_says_the_same_is_shown_once(mesh: Mesh) -> None:
    ada, bob = make(mesh, "fox_ada"), make(mesh, "fox_bob")
    first = post(mesh, ada, FOX)
    copies = [post(mesh, bob, f"{FOX}!! https://example.com/{place}") for place in range(3)]
    query = "quick fox lazy dog"
    eventually(lambda: search(mesh, ada, query), [copies[-1]], mesh.engine.within_s)
    assert search(mesh, ada, f"{query} from:fox_ada") == [first]
    drop(mesh, bob, copies[-1])
    eventually(lambda: search(mesh, ada, query), [copies[1]], mesh.engine.within_s)


def test_who_is_blocked_or_muted_is_not_found(mesh: Mesh) -> None:
    reader, muted, blocker = (make(mesh, f"hide_{name}") for name in ("a", "b", "c"))
    texts = ("okapi one", "okapi of another", "okapi at last")
    own, of_muted, of_blocker = (
        post(mesh, each, text) for each, text in zip((reader, muted, blocker), texts, strict=True)
    )
    everything = [of_blocker, of_muted, own]
    eventually(lambda: search(mesh, reader, "okapi"), everything, mesh.engine.within_s)
    for verb, one, other in (("mute", reader, muted), ("block", blocker, reader)):
        names = {"mute": ("muter_id", "muted_id"), "block": ("blocker_id", "blocked_id")}[verb]
        body = dict(zip(names, (one, other), strict=True))
        assert mesh.rest.post(f"/v1/{verb}", json=body).status_code == 200
    assert search(mesh, reader, "okapi") == [own]
    assert search(mesh, muted, "okapi") == everything


def test_what_many_write_of_trends(mesh: Mesh) -> None:
    people = [make(mesh, f"trend_{place}") for place in range(4)]
    for place, each in enumerate(people):
        post(mesh, each, f"this is the talk of the town, number{place} #TownTalk")
    for place in range(20):
        post(mesh, people[0], f"buy the best of all now, number{place} #Spam")

    def trends(language: str) -> list[str]:
        answer = mesh.rest.get("/v1/trends", params={"language": language, "limit": 50})
        assert answer.status_code == 200, answer.text
        return [each["hashtag"] for each in answer.json()["trends"]]

    # One language each time: answers are given again for a quarter of a minute.
    eventually(lambda: "towntalk" in trends("en"), expected=True, within_s=40)
    assert "spam" not in trends("en")
    assert "towntalk" not in trends("de")
    refused = mesh.rest.get("/v1/trends", params={"language": "english"})
    assert (refused.status_code, refused.json()["message"][:8]) == (400, "language")


def test_what_is_no_query_or_cursor_is_refused(mesh: Mesh) -> None:
    ada = make(mesh, "refused")
    for place in range(3):
        post(mesh, ada, f"quokka number{place}")
    eventually(lambda: len(search(mesh, ada, "quokka")), 3, mesh.engine.within_s)
    asked = {"user_id": ada, "query": "quokka", "limit": 1}
    cursor = mesh.rest.get("/v1/search", params=asked).json()["next_cursor"]
    for fields, field in (
        ({"query": ""}, "query"),
        ({"query": "-quokka"}, "query"),
        ({"query": '"quokka'}, "query"),
        ({"query": "since:soon quokka"}, "query"),
        ({"query": "q" * 501}, "query"),
        ({"sort": "oldest"}, "sort"),
        ({"limit": 201}, "limit"),
        ({"cursor": cursor[::-1]}, "cursor"),
        ({"cursor": cursor, "query": "quokkas"}, "cursor"),
        ({"cursor": cursor, "sort": "relevant"}, "cursor"),
        ({"cursor": cursor, "user_id": make(mesh, "refused2")}, "cursor"),
    ):
        answer = mesh.rest.get("/v1/search", params={**asked, **fields})
        assert (answer.status_code, answer.json()["code"]) == (400, 3), fields
        assert answer.json()["message"].startswith(field), answer.text
    assert mesh.rest.get("/v1/search", params={**asked, "cursor": cursor}).status_code == 200


def test_nothing_is_lost_when_the_service_is_killed(mesh: Mesh) -> None:
    ada = make(mesh, "killed")
    tweets: list[int] = []
    for place in range(6):
        tweets.insert(0, post(mesh, ada, f"numbat number{place}"))
        if place % 2:
            # Anywhere between the message and its ack.
            killed = kill(mesh, "search")
            eventually(lambda killed=killed: is_replaced(mesh, "search", killed), expected=True)

    def found() -> list[int] | None:
        asked = {"user_id": ada, "query": "numbat"}
        answer = mesh.rest.get("/v1/search", params=asked)
        if answer.status_code != 200:
            return None
        return [int(tweet["tweet_id"]) for tweet in answer.json()["tweets"]]

    # What was in hand comes again after the visibility time.
    eventually(found, tweets, 2 * mesh.engine.within_s)


def test_an_index_is_built_anew_while_it_answers(mesh: Mesh) -> None:
    ada = make(mesh, "rebuilt")
    tweets = [post(mesh, ada, f"wombat number{place}") for place in range(3)][::-1]
    eventually(lambda: search(mesh, ada, "wombat"), tweets, mesh.engine.within_s)
    assert "is being built anew" in operate(mesh, "rebuild-search")
    until_s = time.monotonic() + 3
    while time.monotonic() < until_s:
        assert search(mesh, ada, "wombat") == tweets
    within_s = mesh.engine.within_s
    eventually(lambda: "whole" in operate(mesh, "search-indexes"), expected=True, within_s=within_s)
    tweets.insert(0, post(mesh, ada, "wombat at last"))
    eventually(lambda: search(mesh, ada, "wombat"), tweets, mesh.engine.within_s)


def test_a_deleted_user_is_not_found(mesh: Mesh) -> None:
    gone, reader = make(mesh, "gone_soon"), make(mesh, "still_here")
    follow(mesh, reader, gone)
    for place in range(3):
        post(mesh, gone, f"bilby number{place}")
    kept = post(mesh, reader, "bilby of mine")
    eventually(lambda: len(search(mesh, reader, "bilby")), 4, mesh.engine.within_s)
    assert mesh.rest.delete(f"/v1/users/{gone}").status_code == 200
    eventually(lambda: search(mesh, reader, "bilby"), [kept], mesh.engine.within_s)
    assert search(mesh, reader, "bilby from:gone_soon") == []
