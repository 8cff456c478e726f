"""Runbooks as their readers use them: commands pasted into a shell, beside a running system."""

import os
import re
import subprocess
import sys
from pathlib import Path

__all__ = ["Reader"]

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to"
FENCE = re.compile(r"^( *)```(sh)?\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
COMMAND_TIMEOUT_S = 120
# What `make` does in a checkout, which a test's folder is not.
MAKE = 'make() { [ "$1" = certs ] && python -m services certs; }\n'


class Reader:
    """Reads one runbook, and does what it says in the folder that has `.data`."""

    def __init__(self, name: str, folder: Path, edge_port: int, **environment: str) -> None:
        self._text = (HOW_TO / name).read_text()
        self._folder = folder
        self._edge = f"127.0.0.1:{edge_port}"
        self._environment = environment
        self._helpers = ""
        if not (folder / ".venv").exists():
            (folder / ".venv").symlink_to(sys.prefix)

    def blocks(self, heading: str) -> list[str]:
        """The commands under a heading, block by block."""
        found = self.blocks_if_any(heading)
        assert found, f"nothing to do under {heading}"
        return found

    def blocks_if_any(self, heading: str) -> list[str]:
        """The same, where there may be none."""
        section = re.split(rf"^##+ {re.escape(heading)}$", self._text, flags=re.MULTILINE)[1]
        section = re.split(r"^## ", section, flags=re.MULTILINE)[0]
        return [re.sub(rf"^{indent}", "", code, flags=re.MULTILINE)
                for indent, _, code in FENCE.findall(section)]  # fmt: skip

    def helpers(self, heading: str | None = None) -> None:
        """Take functions that later blocks call: the first block, or that of a heading."""
        block = FENCE.findall(self._text)[0][2] if heading is None else self.blocks(heading)[0]
        self._helpers = block

    def do(self, heading: str) -> list[str]:
        """Do every block under a heading; each must succeed and print what it says it does."""
        return [self.paste(block) for block in self.blocks(heading)]

    def paste(self, block: str) -> str:
        """Do one block; gives what it printed."""
        if not block.startswith("$ "):
            return self.shell(block)
        printed = ""
        for session in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = re.sub(r"\\\n", "", session).splitlines()
            printed = self.shell(command)
            if shown:
                _same(command, shown, printed.splitlines())
        return printed

    def shell(self, script: str) -> str:
        """Run a script; gives what it printed."""
        script = (MAKE + self._helpers + script).replace("localhost:8080", self._edge)
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script],  # noqa: S607 - the reader's own
            cwd=self._folder,
            env={**os.environ, **self._environment, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_TIMEOUT_S,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def _same(command: str, shown: list[str], printed: list[str]) -> None:
    """Match printed text; numbers and widths may differ, and `…` stands for anything."""
    assert len(shown) == len(printed), f"{command}\nprinted {printed}\nis said to print {shown}"
    for want, got in zip(shown, printed, strict=True):
        pattern = re.escape(_plain(want)).replace("…", ".*")
        assert re.fullmatch(pattern, _plain(got)), f"{command}\nprinted {got}\nis said to: {want}"


def _plain(line: str) -> str:
    return re.sub(r"\d[\d,]*", "0", " ".join(line.split()))
