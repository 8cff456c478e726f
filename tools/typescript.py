"""Generate the messages and services of the TypeScript client from `protos/`.

python -m tools.typescript generate
python -m tools.typescript build     # to `dist`, checking types
python -m tools.typescript check     # stale code, and types

Only public RPCs, and what they need: to clients outside there are no others.
"""

import filecmp
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from gateway.envoy.contracts import Contracts
from tools.node import NODE
from tools.protos import PROTOS, ROOT, buf, differences, write_image

CLIENT = ROOT / "clients" / "typescript"
GENERATED = CLIENT / "src" / "gen"
PLUGIN = CLIENT / "node_modules" / "@bufbuild" / "protoc-gen-es" / "bin" / "protoc-gen-es"
COMPILER = CLIENT / "node_modules" / "typescript" / "lib" / "tsc.js"
# What errors carry, which no RPC names.
OF_ERRORS = (
    "aviary.error.v1.ErrorReason",
    "google.rpc.BadRequest",
    "google.rpc.ErrorInfo",
    "google.rpc.RetryInfo",
)


def _write(out: Path) -> None:
    """Write TypeScript to `out`."""
    if not PLUGIN.exists():
        raise click.ClickException(f"{PLUGIN.relative_to(ROOT)} is missing: run `make typescript`")
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "contracts.binpb"
        write_image(PROTOS, image, with_comments=True)
        wanted = [*_public(Contracts.read(image)), *OF_ERRORS]
        template = {
            "version": "v2",
            "plugins": [
                {
                    "local": [str(NODE), str(PLUGIN)],
                    "out": str(out),
                    "opt": ["target=ts", "import_extension=js"],
                }
            ],
        }
        types = [word for name in wanted for word in ("--type", name)]
        buf("generate", str(image), "--template", json.dumps(template), *types)
    # The library has these; the code above imports them from there.
    shutil.rmtree(out / "google" / "protobuf")


def _compile(*options: str) -> None:
    command = [str(NODE), str(COMPILER), "--project", str(CLIENT), *options]
    if subprocess.run(command, check=False).returncode != 0:  # noqa: S603 - our own tool
        raise click.ClickException("tsc failed; its messages are above")


def _public(contracts: Contracts) -> Iterator[str]:
    """Name the RPCs that clients may call, and those that give their answers over REST."""
    for rpc in contracts.public:
        yield f"{rpc.service}.{rpc.method}"
        if rpc.json_method:
            yield f"{rpc.service}.{rpc.json_method}"


@click.group()
def main() -> None:
    """Generate `clients/typescript/src/gen`, and check that it is current."""


@main.command()
def generate() -> None:
    """Write it anew."""
    shutil.rmtree(GENERATED, ignore_errors=True)
    _write(GENERATED)


@main.command()
def build() -> None:
    """Compile the client and its tests to `dist`; fails where types do not hold."""
    shutil.rmtree(CLIENT / "dist", ignore_errors=True)
    _compile()


@main.command()
def check() -> None:
    """Fail when it is stale, or where types do not hold."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "gen"
        _write(fresh)
        if stale := differences(filecmp.dircmp(fresh, GENERATED)):
            named = ", ".join(stale)
            raise click.ClickException(f"{GENERATED} is stale ({named}): run `make typescript`")
    _compile("--noEmit")


if __name__ == "__main__":
    main()
