"""Debian's Chromium, driven by its own debugging protocol over pipes: no driver, no library."""

import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DEADLINE_S = 60.0
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--remote-debugging-pipe",
)


class NavigatedError(Exception):
    """The page went to another while it was asked something."""


class Page:
    """One page of a running Chromium."""

    def __init__(self, to: int, answers: int) -> None:
        self._to, self._answers = to, answers
        self._left = b""
        self._ids = itertools.count(1)
        self._session: dict[str, str] = {}
        self.errors: list[str] = []
        """What the page's console complained of: scripts that failed, policies that forbade."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params, **self._session}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                if "navigated" in answer.get("error", {}).get("message", ""):
                    raise NavigatedError
                assert "error" not in answer, answer
                return dict(answer["result"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            self._left += os.read(self._answers, 1 << 16)
        one, _, self._left = self._left.partition(b"\0")
        message: dict[str, Any] = json.loads(one)
        if message.get("method") == "Log.entryAdded":
            self.errors.append(message["params"]["entry"]["text"])
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(message["params"]["exceptionDetails"]))
        return message

    def go(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, script: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not self._holds(script):
            assert time.monotonic() < deadline, (script, self.run("document.body.innerText"))
            time.sleep(0.05)

    def _holds(self, script: str) -> bool:
        try:
            return bool(self.run(script))
        except NavigatedError:
            return False

    def fill(self, name: str, text: str) -> None:
        self.run(f"document.querySelector('[name={name}]').value = {json.dumps(text)}")

    def click(self, selector: str) -> None:
        self.run(f"document.querySelector({json.dumps(selector)}).click()")


@contextmanager
def chromium(folder: Path) -> Iterator[Page]:
    """Start one with nothing in its profile; `folder` is to be empty."""
    binary = shutil.which("chromium")
    assert binary is not None, "apt-get install chromium"
    its_commands, commands = os.pipe()
    answers, its_answers = os.pipe()
    # It reads descriptor 3 and writes descriptor 4.
    shell = f'exec "$0" "$@" 3<&{its_commands} 4>&{its_answers}'
    process = subprocess.Popen(
        ["/bin/bash", "-c", shell, binary, *OPTIONS, f"--user-data-dir={folder}"],
        pass_fds=(its_commands, its_answers),
        stderr=subprocess.DEVNULL,
    )
    os.close(its_commands)
    os.close(its_answers)
    try:
        yield Page(commands, answers)
    finally:
        process.terminate()
        process.wait()
        os.close(commands)
        os.close(answers)
