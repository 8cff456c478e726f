"""The steps of a tutorial's page, as its reader takes them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEW_FILE = re.compile(r"Write `([^`]+)`:\s*$")
CHANGE = re.compile(r"In `([^`]+)`, (above|instead of) `([^`]+)`, (?:add|write):\s*$")


@dataclass(frozen=True, slots=True)
class Step:
    """A block of the page, and the prose that says what to do with it."""

    kind: str
    """What the fence says: a language, or nothing for what stays running."""
    says: str
    block: str

    def edit(self, folder: Path) -> bool:
        """Write what the reader is to write; False where nothing is to be written."""
        if new := NEW_FILE.search(self.says):
            (folder / new[1]).write_text(self.block)
            return True
        change = CHANGE.search(self.says)
        if change is None:
            return False
        path, how, anchor = folder / change[1], change[2], change[3]
        lines = path.read_text().splitlines(keepends=True)
        (at,) = [number for number, line in enumerate(lines) if anchor in line]
        lines[at : at + (how == "instead of")] = [self.block]
        path.write_text("".join(lines))
        return True


def steps(page: Path) -> Iterator[Step]:
    text, after = page.read_text(), 0
    for fence in FENCE.finditer(text):
        yield Step(fence[1], text[after : fence.start()], fence[2])
        after = fence.end()
