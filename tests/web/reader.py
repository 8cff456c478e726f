"""A person at the web client, in a real Chromium."""

import base64
import json
import time
from pathlib import Path
from typing import Any, Final

import httpx

from tests.e2e.chromium import DEADLINE_S, Page
from tests.identity.world import PASSWORD

__all__ = ["AXE", "EMPTY", "Reader", "person"]

AXE: Final = Path(__file__).parent / "axe" / "node_modules" / "axe-core" / "axe.min.js"
EMPTY: Final = "!document.querySelector('[aria-busy=true]')"
"""That nothing is on its way."""
KEYS: Final = {"Enter": 13, "Escape": 27, "Tab": 9}


def person(url: str, handle: str, name: str = "Ada Byron") -> dict[str, str]:
    """Sign somebody up; give its `user_id` and `handle`."""
    body = {"handle": handle, "display_name": name, "password": PASSWORD}
    answer = httpx.post(f"{url}/oauth/sign-up", json=body)
    assert answer.status_code == 200, answer.text
    made: dict[str, str] = answer.json()
    return made


class Reader:
    """What a person does and sees: by words and labels, as far as that goes."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url

    def go(self, path: str) -> None:
        self.page.go(self.url + path)

    def sign_in(self, handle: str) -> None:
        """From the welcome page, by the issuer's page, back to where it began."""
        self.press("Sign in")
        self.until("document.querySelector('input[name=password][autocomplete^=current]')")
        self.page.fill("handle", handle)
        self.page.fill("password", PASSWORD)
        self.page.click("button[value=allow]")
        self.until("document.querySelector('nav.main')")
        self.settle()

    def sign_out(self) -> None:
        """Forget who is signed in, as closing the tab does."""
        self.go("/")
        # What is under way would keep a token yet.
        self.settle()
        self.page.run("sessionStorage.clear()")
        self.go("/")
        self.sees("Sign in")

    def until(self, script: str) -> None:
        """Wait until this holds; an element is there, though its value is no JSON."""
        self.page.until(f"Boolean({script})")

    def settle(self) -> None:
        self.until(f"document.querySelector('main h1') && {EMPTY}")

    def sees(self, text: str, within: str = "body") -> None:
        self.until(
            f"document.querySelector({json.dumps(within)})?.innerText.includes({json.dumps(text)})"
        )

    def sees_not(self, text: str, within: str = "main") -> None:
        self.until(
            f"!document.querySelector({json.dumps(within)}).innerText.includes({json.dumps(text)})"
        )

    def text_of(self, selector: str) -> str:
        self.until(f"document.querySelector({json.dumps(selector)})")
        return str(self.page.run(f"document.querySelector({json.dumps(selector)}).textContent"))

    def press(self, label: str, within: str = "body") -> None:
        """Press the button or follow the link of this name."""
        found = (
            f"[...document.querySelectorAll({json.dumps(within)} + ' :is(button, a)')]"
            ".find((one) => one.checkVisibility() && !one.disabled"
            " && (one.getAttribute('aria-label') ?? one.textContent).trim()"
            f".startsWith({json.dumps(label)}))"
        )
        self.until(found)
        self.page.run(f"{found}.click()")

    def type(self, selector: str, text: str) -> None:
        self.until(f"document.querySelector({json.dumps(selector)})")
        self.page.run(f"document.querySelector({json.dumps(selector)}).focus()")
        self.page.call("Input.insertText", text=text)

    def key(self, key: str, modifiers: int = 0) -> None:
        given: dict[str, Any] = {"key": key, "modifiers": modifiers}
        if key in KEYS:
            given |= {"windowsVirtualKeyCode": KEYS[key], "code": key}
        if key == "Enter":
            given["text"] = "\r"
        elif len(key) == 1:
            given["text"] = key
        self.page.call("Input.dispatchKeyEvent", type="keyDown", **given)
        given.pop("text", None)
        self.page.call("Input.dispatchKeyEvent", type="keyUp", **given)

    def awaited(self, script: str) -> Any:
        answer = self.page.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def has_colours(self, scheme: str) -> None:
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            # Nothing moves, so that a colour is no mixture.
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.page.call("Emulation.setEmulatedMedia", features=features)

    def has_size(self, width: int, height: int) -> None:
        self.page.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def picture(self, path: Path) -> None:
        """Write what is seen to a PNG."""
        shot = self.page.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))

    def violations(self) -> list[str]:
        """Give what axe-core finds, by rule and element; needs a page that lets it run."""
        self.page.run(AXE.read_text() + ";0")
        found = self.awaited("axe.run().then(({ violations }) => violations)")
        return [
            f"{one['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
            for one in found
            for node in one["nodes"]
        ]

    def eventually(self, look: Any, wanted: object) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while (got := look()) != wanted:
            assert time.monotonic() < deadline, f"got {got}, want {wanted}"
            time.sleep(0.05)
