"""The plain choice: what people would write instead, a FastAPI service with a SQL database.

Fan-out on read, the right indexes, plain good code: a home is one query over the tweets of whom one
follows. It checks no tokens and limits nobody, which is in its favour. Run by uvicorn:

    PLAIN_DATABASE=/path/to/file.db or postgresql://... uvicorn bench.reference.plain_app:app
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

from fastapi import FastAPI, Query
from pydantic import BaseModel, Field

from bench.reference.plain_database import Database, open_database

MAX_CHARS = 280


class Tweet(BaseModel):
    """A tweet, as answers have it."""

    tweet_id: str
    user_id: str
    text: str
    created_at: datetime


class Timeline(BaseModel):
    """A page of a timeline."""

    tweets: list[Tweet]
    next_cursor: str | None = None


class NewTweet(BaseModel):
    """A tweet to be made."""

    user_id: int
    text: str = Field(min_length=1, max_length=MAX_CHARS)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with open_database(os.environ["PLAIN_DATABASE"]) as database:
        app.state.database = database
        yield


app = FastAPI(lifespan=_lifespan)
Limit = Annotated[int, Query(ge=1, le=200)]


def _database() -> Database:
    database: Database = app.state.database
    return database


@app.get("/v1/timeline/home", response_model_exclude_none=True)
async def home(user_id: int, limit: Limit = 50, cursor: int | None = None) -> Timeline:
    """Read the newest tweets of whom a user follows, and of the user."""
    return _page(await _database().home(user_id, cursor, limit), limit)


@app.get("/v1/timeline/user", response_model_exclude_none=True)
async def user(user_id: int, limit: Limit = 50, cursor: int | None = None) -> Timeline:
    """Read a user's newest tweets."""
    return _page(await _database().of_user(user_id, cursor, limit), limit)


@app.post("/v1/tweets")
async def post(tweet: NewTweet) -> Tweet:
    """Make a tweet."""
    now = datetime.now(UTC)
    tweet_id = await _database().add(tweet.user_id, tweet.text, now)
    return Tweet(
        tweet_id=str(tweet_id), user_id=str(tweet.user_id), text=tweet.text, created_at=now
    )


def _page(rows: list[tuple[int, int, str, datetime]], limit: int) -> Timeline:
    tweets = [
        Tweet(tweet_id=str(tweet), user_id=str(author), text=text, created_at=at)
        for tweet, author, text, at in rows
    ]
    return Timeline(tweets=tweets, next_cursor=tweets[-1].tweet_id if len(rows) == limit else None)
