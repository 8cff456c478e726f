"""Who may see a tweet: the whole rule as a table."""

from dataclasses import dataclass

import pytest

from services.platform.visibility.rule import (
    NOT_KNOWN,
    Sight,
    Visibility,
    may_see,
    named,
    visibility_of,
)

AUTHOR, READER, NOBODY = 1, 2, 0
PUBLIC, FOLLOWERS, MENTIONED, CLOSED = Visibility


@dataclass(frozen=True)
class Post:
    visibility: int
    audience: tuple[int, ...] = ()
    author_id: int = AUTHOR


STRANGER, FOLLOWER = Sight(), Sight(following=True)
BLOCKED = Sight(blocked_by=True)
PROTECTED, APPROVED = Sight(protected=True), Sight(protected=True, following=True)


@pytest.mark.parametrize(
    ("sight", "seen"),
    [
        # public, followers, mentioned and not named, mentioned and named, of a newer release
        (STRANGER, (True, False, False, True, False)),
        (FOLLOWER, (True, True, False, True, False)),
        (PROTECTED, (False, False, False, False, False)),
        (APPROVED, (True, True, False, True, False)),
        (BLOCKED, (False, False, False, False, False)),
        # A follow and a block never stand together; should they, the block counts.
        (Sight(blocked_by=True, following=True), (False, False, False, False, False)),
        # Who mutes or blocks sees what they ask for: it is left out where they did not.
        (Sight(muting=True), (True, False, False, True, False)),
        (Sight(blocking=True), (True, False, False, True, False)),
        (NOT_KNOWN, (False, False, False, False, False)),
    ],
)
def test_readers(sight: Sight, seen: tuple[bool, ...]) -> None:
    posts = (
        Post(PUBLIC),
        Post(FOLLOWERS),
        Post(MENTIONED, (3,)),
        Post(MENTIONED, (3, READER)),
        Post(CLOSED, (READER,)),
    )
    assert tuple(may_see(post, READER, sight) for post in posts) == seen


@pytest.mark.parametrize("sight", [STRANGER, BLOCKED, PROTECTED, NOT_KNOWN])
def test_authors_see_all_of_their_own(sight: Sight) -> None:
    assert all(may_see(Post(each), AUTHOR, sight) for each in Visibility)


@pytest.mark.parametrize(("sight", "seen"), [(STRANGER, {PUBLIC}), (PROTECTED, set())])
def test_nobody_in_particular_sees_what_is_for_everybody(
    sight: Sight, seen: set[Visibility]
) -> None:
    # Also where an audience says nobody: 0 is no user.
    assert {each for each in Visibility if may_see(Post(each, (0,)), NOBODY, sight)} == seen
    assert not may_see(Post(FOLLOWERS, author_id=0), NOBODY, STRANGER)


def test_hidden_is_what_a_reader_did_not_ask_for() -> None:
    assert Sight(muting=True).hidden
    assert Sight(blocking=True).hidden
    assert BLOCKED.hidden
    assert not APPROVED.hidden


def test_names_are_those_of_rows_and_messages() -> None:
    assert [named(each) for each in Visibility] == ["", "followers", "mentioned", "closed"]
    assert all(visibility_of(named(each)) is each for each in Visibility)
    assert visibility_of("public") is PUBLIC
    assert visibility_of("of a newer release") is CLOSED
