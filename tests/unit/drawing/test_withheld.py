"""An app sees of what its user did what the user lets it see."""

import json

import pytest
from aviary.tweet.v1.tweet_pb2 import Tweet

from services.platform.drawing.pieces import BOOKMARKED, LIKED, RETWEETED
from services.platform.drawing.withheld import withheld_from
from services.platform.rpc.end_user import SCOPE_KEY, USER_KEY
from tests.unit.drawing.world import World, a_tweet

ADA, VIEWER = 1, 9


@pytest.mark.parametrize(
    ("metadata", "withheld"),
    [
        (None, 0),
        (((USER_KEY, "9"),), 0),
        (((SCOPE_KEY, "tweets:read"), (USER_KEY, "9")), LIKED | BOOKMARKED),
        (((USER_KEY, "9"), (SCOPE_KEY, "")), LIKED | BOOKMARKED),
        (((SCOPE_KEY, "likes:read timeline:read"),), BOOKMARKED),
        (((SCOPE_KEY, "likes:write bookmarks:read"),), LIKED),
        (((SCOPE_KEY, "bookmarks:read likes:read"),), 0),
        (((SCOPE_KEY, "act:any"),), 0),
    ],
)
def test_the_scopes_of_a_token_say_what(
    metadata: tuple[tuple[str, str], ...] | None, withheld: int
) -> None:
    assert withheld_from(metadata) == withheld


@pytest.mark.parametrize("did", [0, LIKED | RETWEETED | BOOKMARKED])
async def test_what_is_withheld_is_absent_whatever_it_is(did: int) -> None:
    world = World()
    world.done = {10: did, 5: did}
    world.tweets = {5: a_tweet(5, ADA)}
    for withheld, names in (
        (0, {"liked", "retweeted", "bookmarked"}),
        (BOOKMARKED, {"liked", "retweeted"}),
        (LIKED | BOOKMARKED, {"retweeted"}),
        (0, {"liked", "retweeted", "bookmarked"}),
    ):
        drawn = await world.draw([a_tweet(10, ADA)], VIEWER, mark=b"m", withheld=withheld)
        (piece,) = drawn.pieces
        expected = dict.fromkeys(names, bool(did))
        assert json.loads(b"{" + piece.json[1:])["viewer"] == expected
        viewer = Tweet.FromString(piece.encoded).viewer
        assert {field.name: value for field, value in viewer.ListFields()} == expected
    assert world.calls["newest"] == 1, "it is kept once for all tokens of the viewer"


async def test_nobody_in_particular_has_nothing_to_withhold() -> None:
    (piece,) = (await World().draw([a_tweet(10, ADA)], withheld=LIKED)).pieces
    assert not Tweet.FromString(piece.encoded).HasField("viewer")
