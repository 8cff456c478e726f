"""A client of `GET /v1/stream/home`, in a thread of its own, as a browser would read it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.e2e.acting import WITHIN_S
from tests.e2e.conftest import Mesh

SILENCE_S = 40.0
"""Longer than two heartbeats."""
RETRY_S = 0.2


@dataclass(frozen=True, slots=True)
class Told:
    """One server-sent event."""

    name: str
    cursor: str
    data: dict[str, Any]
    at_s: float

    @property
    def tweet_id(self) -> int:
        tweet = self.data["tweet"] if self.name == "tweet" else self.data
        return int(tweet["tweet_id"])


@dataclass(slots=True)
class Stream:
    """What has come over one connection."""

    told: list[Told] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    retries: list[int] = field(default_factory=list)
    cursor: str = ""
    ended: bool = False

    def take(self, block: str) -> None:
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            if name:
                fields[name] = value.removeprefix(" ")
            else:
                self.comments.append(value.strip())
        self.cursor = fields.get("id", self.cursor)
        if "retry" in fields:
            self.retries.append(int(fields["retry"]))
        if "data" in fields:
            data = json.loads(fields["data"])
            self.told.append(Told(fields["event"], fields["id"], data, time.time()))

    def tweets(self) -> list[int]:
        return [each.tweet_id for each in self.told if each.name == "tweet"]

    def of(self, name: str) -> list[Told]:
        return [each for each in self.told if each.name == name]

    def until(self, holds: Callable[["Stream"], object], within_s: float = WITHIN_S) -> None:
        deadline = time.monotonic() + within_s
        while not holds(self):
            assert time.monotonic() < deadline, f"{self.told}, ended: {self.ended}"
            time.sleep(0.005)


def ask(viewer: int, cursor: str = "", **query: object) -> dict[str, Any]:
    headers = {"accept": "text/event-stream"}
    if cursor:
        headers["last-event-id"] = cursor
    return {"params": {"user_id": viewer, **query}, "headers": headers}


@contextmanager
def streaming(mesh: Mesh, viewer: int, cursor: str = "", **query: object) -> Iterator[Stream]:
    """Stream a home timeline; it has begun when the context is entered."""
    stream, leave = Stream(), threading.Event()
    asked = ask(viewer, cursor, **query)

    def read() -> None:
        try:
            while not _read(mesh, asked, stream, leave):
                time.sleep(RETRY_S)
        finally:
            stream.ended = True

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    stream.until(lambda each: each.cursor)
    try:
        yield stream
    finally:
        leave.set()


def _read(mesh: Mesh, asked: dict[str, Any], stream: Stream, leave: threading.Event) -> bool:
    """Read until the end; false where there is nobody who answers yet."""
    with mesh.rest.stream("GET", "/v1/stream/home", timeout=SILENCE_S, **asked) as answer:
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return leave.is_set()
        answer.raise_for_status()
        assert answer.headers["content-type"].startswith("text/event-stream")
        rest = ""
        with suppress(httpx.HTTPError):
            for part in answer.iter_text():
                *blocks, rest = (rest + part).split("\n\n")
                for block in blocks:
                    stream.take(block)
                if leave.is_set():
                    break
    return True
