"""Requests to the edge: one at a time for each worker, tried again while that may help."""

import asyncio
import json
import random
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from services.cli.load.access import TokenSource
from services.cli.load.errors import LoadError, RefusedError, UnreachableError
from services.platform.runtime.retry_policy import RetryPolicy
from services.platform.security.step_up import CHALLENGES, PROOF_HEADER, asked_for_proof, proof_of

__all__ = ["JSON_HEADERS", "EdgeClient"]

# Longer than the edge takes to give a request up by itself, which is 10 s.
TIMEOUT_S = 15.0
# With full jitter about a quarter of a minute in all: longer than a killed service is away.
RETRY = RetryPolicy(max_attempts=12, base_s=0.1, cap_s=5.0)
AGAIN = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""Answers that promise nothing either way; every request sent here may be repeated."""
SHOWN_CHARS = 200
Json = Mapping[str, Any]
JSON_HEADERS = {"content-type": "application/json"}


class EdgeClient:
    """The edge at `url`, a context manager in one event loop. `LoadError` for a bad URL."""

    def __init__(self, url: str, rng: random.Random, new_token: TokenSource | None = None) -> None:
        self._url = _checked(url)
        self._rng = rng
        self._new_token = new_token
        self._token = ""
        self._renewing = asyncio.Lock()
        self.retried = 0
        """Tries beyond the first, of all requests."""
        # One client a connection: httpx looks through all connections of a pool for each request,
        # which at 32 of them costs 2.8 ms of CPU a request, and at one 0.9 ms.
        self._free: list[httpx.AsyncClient] = []
        self._closing = AsyncExitStack()
        # Made once, as reading the certificates takes longer than a request.
        self._tls = ssl.create_default_context()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._closing.aclose()

    async def check(self) -> None:
        """Ask once whether all is ready. Raises `UnreachableError` or `RefusedError`."""
        try:
            answer = await self._try("GET", "/healthz")
        except httpx.TransportError as error:
            raise UnreachableError(self._url, _said(error)) from error
        if answer.status_code != HTTPStatus.OK:
            raise _refused("GET /healthz", answer, attempts=1)

    async def post(self, path: str, body: Mapping[str, object]) -> Json:
        """Send JSON until it is answered; return the JSON of the answer. Raises as `_send`."""
        content = json.dumps(body, separators=(",", ":")).encode()
        return await self._send("POST", path, content=content, headers=JSON_HEADERS)

    async def get(self, path: str, query: Mapping[str, str | int] | None = None) -> Json:
        """Ask until there is an answer; return its JSON. Raises as `_send`."""
        return await self._send("GET", path, params=query)

    async def ask(self, method: str, path: str, **parts: Any) -> httpx.Response:  # noqa: ANN401
        """Ask once, for whoever measures; only a token that was refused is renewed before that.

        Raises `UnreachableError` where there is no answer, and `LoadError` for no token.
        """
        shown = self._token
        try:
            answer = await self._try(method, path, **parts)
            if answer.status_code == HTTPStatus.UNAUTHORIZED and await self._renewed(shown):
                answer = await self._try(method, path, **parts)
        except httpx.TransportError as error:
            raise UnreachableError(self._url, _said(error)) from error
        return answer

    async def _send(self, method: str, path: str, **parts: Any) -> Json:  # noqa: ANN401 - httpx's
        """Send until answered.

        Raises `RefusedError` for an answer that another try would not mend, or that came until
        tries ran out, and `UnreachableError` when the last try had no answer. A token that was
        refused is renewed once; a proof of work that is asked for goes with the next try.
        """
        attempt = 1
        refused_token = None
        while True:
            failure: LoadError
            shown = self._token
            try:
                answer = await self._try(method, path, **parts)
            except httpx.TransportError as error:
                failure = UnreachableError(self._url, _said(error))
            else:
                if answer.is_success:
                    body: Json = answer.json()
                    return body
                if answer.status_code == HTTPStatus.UNAUTHORIZED and refused_token is None:
                    refused_token = shown
                    if await self._renewed(shown):
                        continue
                failure = _refused(f"{method} {path}", answer, attempts=attempt)
                if answer.status_code not in AGAIN:
                    raise failure
                flow = asked_for_proof(path, answer.status_code, answer.content)
                if flow is not None and attempt < RETRY.max_attempts:
                    proof = {PROOF_HEADER: await self._proof(flow)}
                    parts = {**parts, "headers": {**parts.get("headers", {}), **proof}}
            if attempt == RETRY.max_attempts:
                raise failure
            await asyncio.sleep(RETRY.delay_s(attempt, self._rng))
            attempt += 1
            self.retried += 1

    async def _proof(self, flow: str) -> str:
        """Do the work that the edge asks for; raises as `_send`."""
        challenge = await self.post(CHALLENGES, {"flow": flow})
        return await asyncio.to_thread(proof_of, challenge)

    async def _try(self, method: str, path: str, **parts: Any) -> httpx.Response:  # noqa: ANN401
        client = self._free.pop() if self._free else await self._new()
        if self._token:
            client.headers["authorization"] = f"Bearer {self._token}"
        try:
            return await client.request(method, path, **parts)
        finally:
            self._free.append(client)

    async def _renewed(self, refused: str) -> bool:
        """Get another token than the refused one; False if there is none to be had."""
        async with self._renewing:
            if self._token == refused and self._new_token is not None:
                self._token = await asyncio.to_thread(self._new_token)
        return self._token != refused

    async def _new(self) -> httpx.AsyncClient:
        client = httpx.AsyncClient(base_url=self._url, timeout=TIMEOUT_S, verify=self._tls)
        return await self._closing.enter_async_context(client)


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it is what checks it
    except ValueError as error:
        raise LoadError(f"{url} is not a URL: {error}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise LoadError(f"{url} is not a URL such as http://127.0.0.1:8080")
    return url


def _refused(request: str, answer: httpx.Response, *, attempts: int) -> RefusedError:
    return RefusedError(request, answer.status_code, _message(answer), attempts=attempts)


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def _message(answer: httpx.Response) -> str:
    """Read the edge's own words; whatever else answers there may not speak JSON."""
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:SHOWN_CHARS]
