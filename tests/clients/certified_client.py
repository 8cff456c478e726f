"""A client of OpenID Connect as a program of its own, asked step by step.

It is started with one argument, the JSON of the app that it is: `issuer`, `client_id`,
`client_secret` (empty where there is none), `auth` (its way to authenticate), `alg` (what its ID
tokens are to be signed by), `redirect_uri` and `scope`. From then on each line that it reads is a
step with what it takes, `{"step": "revoke", "token": …}`, and each line that it writes is what came
of one: `{"gave": …}`, or `{"refused": {"error": …, "said": …}}`, the error's name and its text.

- `link` gives where to send the browser: a new log-in, with its own state, nonce and verifier.
- `come_back` takes the `uri` that the browser came back to; gives the answer to the code, and the
  `claims` of the ID token once it is valid.
- `userinfo` gives what the issuer says of the user.
- `refresh` takes a `refresh_token`; gives the answer to it.
- `revoke` takes a `token`; gives nothing.
"""

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

__all__ = ["CertifiedClient", "RefusedError", "running"]

STEP_S: Final = 60
"""Until a step is taken, on a machine that is busy with other tests."""


class RefusedError(Exception):
    """The client took the step for failed; `error` is the error's name, as it has it."""

    def __init__(self, error: str, said: str) -> None:
        super().__init__(f"{error}: {said}")
        self.error = error


class CertifiedClient:
    """One that runs."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._asked, self._said = process.stdin, process.stdout

    async def take(self, step: str, **given: str) -> Any:
        """Take a step; gives what came of it. Raises `RefusedError`."""
        self._asked.write(json.dumps({"step": step, **given}).encode() + b"\n")
        async with asyncio.timeout(STEP_S):
            line = await self._said.readline()
        assert line, f"it ended with {await self._process.wait()}"
        answer = json.loads(line)
        if refused := answer.get("refused"):
            raise RefusedError(refused["error"], refused["said"])
        return answer["gave"]


@asynccontextmanager
async def running(program: Sequence[str], app: Mapping[str, str]) -> AsyncIterator[CertifiedClient]:
    """Start one, which has read what the issuer says of itself by its first step."""
    process = await asyncio.create_subprocess_exec(
        *program, json.dumps(app), stdin=PIPE, stdout=PIPE
    )
    try:
        yield CertifiedClient(process)
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    """End it as a reader of lines ends, by the end of its input; kill it if it does not."""
    try:
        async with asyncio.timeout(STEP_S):
            await process.communicate(b"")  # which closes its input
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
