"""Generate `gen/` from `protos/`, and check that it is current and well formed.

python -m tools.protos generate
python -m tools.protos check     # stale code, buf lint, and what `breaking` does
python -m tools.protos breaking  # buf breaking against the commit before the change
"""

import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

import click
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.rpc import status_pb2
from grpc_tools import protoc

from tools.proto_history import AGAINST, HistoryError, commit_before, unpack

__all__ = ["PROTOS", "ROOT", "buf", "differences", "write_image"]

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
GENERATED = ROOT / "gen"
# google/api and google/rpc, as the googleapis-common-protos wheel ships them.
GOOGLEAPIS = Path(status_pb2.__file__).parent.parent.parent
WELL_KNOWN = Path(str(files("grpc_tools"))) / "_proto"
# Envoy's transcoder needs it to render error details, though no service names it.
ERROR_DETAILS = "google/rpc/error_details.proto"
OUR_PACKAGES = "aviary."
# Made from the descriptor by `python -m gateway build-openapi`, which checks them too.
MADE_BY_THE_GATEWAY = ["openapi.json", "docs.html"]


def _protoc(protos: Path, *arguments: str) -> None:
    sources = [str(path.relative_to(protos)) for path in sorted(protos.rglob("*.proto"))]
    includes = [f"-I{protos}", f"-I{GOOGLEAPIS}", f"-I{WELL_KNOWN}"]
    if protoc.main(["protoc", *includes, *arguments, *sources]) != 0:
        raise click.ClickException("protoc failed; its messages are above")


def _write(out: Path) -> None:
    """Write Python code, type stubs and the descriptor set to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    plugins = Path(sys.executable).parent
    _protoc(
        PROTOS,
        f"--plugin=protoc-gen-mypy={plugins / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={plugins / 'protoc-gen-mypy_grpc'}",
        f"--python_out={out}",
        f"--mypy_out=quiet:{out}",
        f"--grpc_python_out={out}",
        f"--mypy_grpc_out=quiet:{out}",
    )
    (out / "aviary" / "py.typed").touch()
    write_image(PROTOS, out / "descriptor.pb", with_comments=True)
    _keep_comments_only(out / "descriptor.pb")


def write_image(protos: Path, target: Path, *, with_comments: bool = False) -> None:
    """Write the contracts, and all that they import, as a `FileDescriptorSet`."""
    comments = ["--include_source_info"] if with_comments else []
    _protoc(protos, "--include_imports", *comments, f"--descriptor_set_out={target}", ERROR_DETAILS)


def _keep_comments_only(image: Path) -> None:
    """Leave of the source information what the OpenAPI document shows: our own comments.

    Where in a file each of them stood would make the image change with every line moved.
    """
    files = FileDescriptorSet.FromString(image.read_bytes())
    for file in files.file:
        locations = file.source_code_info.location
        commented = [one for one in locations if one.leading_comments]
        file.ClearField("source_code_info")
        if file.package.startswith(OUR_PACKAGES):
            for one in commented:
                file.source_code_info.location.add(
                    path=one.path, leading_comments=one.leading_comments
                )
    image.write_bytes(files.SerializeToString(deterministic=True))


def _compare(fresh: Path) -> filecmp.dircmp[str]:
    ignored = [*filecmp.DEFAULT_IGNORES, *MADE_BY_THE_GATEWAY]
    return filecmp.dircmp(fresh, GENERATED, ignore=ignored)


def differences(left: filecmp.dircmp[str]) -> list[str]:
    """Name what two folders do not share, or have with other content."""
    found = [*left.left_only, *left.right_only, *left.diff_files]
    for child in left.subdirs.values():
        found += differences(child)
    return [name for name in found if name != "__pycache__"]


def buf(*arguments: str) -> None:
    """Run buf with our settings; raises `ClickException` where it finds fault."""
    command = [str(Path(sys.executable).parent / "buf"), *arguments]
    command += ["--config", str(PROTOS / "buf.yaml")]
    if subprocess.run(command, check=False).returncode != 0:  # noqa: S603 - our own tool
        raise click.ClickException(f"buf {arguments[0]} failed; its messages are above")


def _require_compatible(scratch: Path) -> None:
    """Compare `new.binpb` in this folder with what it was before the change."""
    try:
        before = commit_before(ROOT, os.environ.get(AGAINST))
        if before is None:
            click.echo("there are no protos of before to compare with: this is the first commit")
            return
        old = unpack(ROOT, before, scratch / "before")
    except HistoryError as error:
        raise click.ClickException(f"buf breaking: {error}") from error
    write_image(old, scratch / "old.binpb", with_comments=True)
    buf("breaking", str(scratch / "new.binpb"), "--against", str(scratch / "old.binpb"))
    click.echo(f"nothing breaks those who use the contracts of {before[:12]}")


@click.group()
def main() -> None:
    """Generate `gen/` from `protos/`, and check that it is current and well formed."""


@main.command()
def generate() -> None:
    """Write gen/ anew."""
    shutil.rmtree(GENERATED, ignore_errors=True)
    _write(GENERATED)


@main.command()
def check() -> None:
    """Fail when gen/ is stale, or buf finds fault."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        _write(scratch / "gen")
        if stale := differences(_compare(scratch / "gen")):
            raise click.ClickException(f"gen/ is stale ({', '.join(stale)}): run `make generate`")
        write_image(PROTOS, scratch / "new.binpb", with_comments=True)
        buf("lint", str(scratch / "new.binpb"))
        _require_compatible(scratch)


@main.command()
def breaking() -> None:
    """Fail when the change breaks those who use the contracts of before it."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        write_image(PROTOS, scratch / "new.binpb", with_comments=True)
        _require_compatible(scratch)


if __name__ == "__main__":
    main()
