"""The steps of a tutorial's page, as its reader takes them."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEW_FILE = re.compile(r"Write `([^`]+)`:\s*$")
CHANGE = re.compile(r"In `([^`]+)`, (above|instead of)\s`([^`]+)`, (?:add|write):\s*$")


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
        text = path.read_text()
        assert text.count(anchor) == 1, f"{anchor} is not one place of {change[1]}"
        start = text.rindex("\n", 0, text.index(anchor)) + 1
        line = text[start:]
        indent = line[: len(line) - len(line.lstrip())]
        block = textwrap.indent(self.block, indent)
        if how == "instead of":
            text = text.replace(anchor, block.strip())
        else:
            # What stands apart from what is before it goes on doing so.
            apart = "\n" if text[:start].endswith("\n\n") else ""
            text = text[:start] + block + apart + text[start:]
        path.write_text(text)
        return True


def steps(page: Path) -> Iterator[Step]:
    text, after = page.read_text(), 0
    for fence in FENCE.finditer(text):
        yield Step(fence[1], text[after : fence.start()], fence[2])
        after = fence.end()
