"""A backfill goes through all there is, and says how to go on where it fails."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aviary.engagement.v1.engagement_service_pb2 import BackfillReferencesResponse
from aviary.tweet.v1.tweet_service_pb2 import BackfillRepliesResponse
from aviary.user.v1.user_service_pb2 import BackfillNamesResponse

from services.cli.operate import backfilling
from services.cli.operate.backfilling import backfill
from services.cli.operate.errors import OperateError

TWEETS, USERS = [10, 20, 30], [1, 2]


class Services:
    """All three; each call looks at one row. `fails` at the one behind a tweet, or a user."""

    def __init__(self) -> None:
        self.fails: tuple[str, int] | None = None

    async def backfill_replies(self, after: int, _limit: int) -> BackfillRepliesResponse:
        resume = self._next("replies", after, TWEETS)
        return BackfillRepliesResponse(replies=1, resume_after_tweet_id=resume, percent=50)

    async def backfill_references(self, after: int, _limit: int) -> BackfillReferencesResponse:
        resume = self._next("references", after, TWEETS)
        return BackfillReferencesResponse(references=2, resume_after_tweet_id=resume)

    async def backfill_names(self, after: int, _limit: int) -> BackfillNamesResponse:
        resume = self._next("names", after, USERS)
        return BackfillNamesResponse(users=1, resume_after_user_id=resume)

    def _next(self, what: str, after: int, rows: list[int]) -> int | None:
        if self.fails == (what, after):
            raise OperateError("no answer")
        behind = [each for each in rows if each > after]
        return behind[0] if len(behind) > 1 else None


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Services:
    made = Services()

    @asynccontextmanager
    async def reached(_found: object) -> AsyncIterator[Services]:
        yield made

    def find(*_: object) -> None:
        """Nobody is looked for."""

    for name in ("reach_tweets", "reach_engagement", "reach_users"):
        monkeypatch.setattr(backfilling, name, reached)
    monkeypatch.setattr(backfilling, "find", find)
    return made


@pytest.mark.usefixtures("services")
async def test_all_is_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    await backfill(None, 0)
    assert capsys.readouterr().out.splitlines() == [
        "listed 3 replies, and counted 6 tweets that reply or quote",
        "listed the names of 2 users",
    ]


@pytest.mark.parametrize(
    ("fails", "resume"), [(("replies", 10), 10), (("references", 20), 20), (("names", 1), 20)]
)
async def test_an_error_says_how_to_go_on(
    services: Services, fails: tuple[str, int], resume: int
) -> None:
    services.fails = fails
    with pytest.raises(OperateError, match=f"no answer\ngo on with --after {resume}$"):
        await backfill(None, 0)
    services.fails = None
    await backfill(None, resume)
