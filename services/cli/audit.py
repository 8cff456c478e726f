"""The command `audit`: verify the log, and note its heads."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from services.cli.options import JSON, echo_json
from services.cli.options import data_dir as data_dir_option
from services.platform.audit.chain import ChainError, Head, verify
from services.platform.audit.files import chain_of, chains
from services.platform.files.single_keys import json_loads

__all__ = ["audit"]

PATH = click.Path(path_type=Path, exists=True)
DATA_DIR = data_dir_option("Folder that holds the folder audit.")


@click.group()
def audit() -> None:
    """Check the audit log."""


@audit.command("verify")
@DATA_DIR
@click.option(
    "--anchors",
    type=PATH,
    help="What `audit heads` printed earlier: finds entries that were cut off the end since, and "
    "a chain that was rewritten as a whole.",
)
@JSON
@click.argument("files", type=PATH, nargs=-1)
def verify_command(
    files: Sequence[Path], data_dir: Path, anchors: Path | None, *, as_json: bool
) -> None:
    """Fail, and say where, when the log is not as it was written.

    FILES are those of one chain, oldest first, by the names that they were written under; without
    them every chain of the data directory is checked. Entries that are missing at the end are found
    with --anchors alone. A chain of the data directory that began after the anchors were noted is
    verified without one, and shown so; FILES need theirs.

    With --json: {"chains": [{"name", "entries", "head", "anchored"}], "wrong": [...]}, of the
    chains that are as they were written, and what is wrong with others; it fails all the same.
    """
    found: Mapping[str, Sequence[Path]]
    found = {chain_of(files[-1]): files} if files else chains(data_dir / "audit")
    known = {} if anchors is None else _read(anchors)
    wrong = [f"{name}: is missing as a whole" for name in known if name not in found and not files]
    good: list[_Verified] = []
    for name, paths in sorted(found.items()):
        unanchored = anchors is not None and name not in known
        if unanchored and files:
            wrong.append(f"{name}: {anchors} has no anchor of this name, but {_listed(known)}")
            continue
        try:
            head = verify(paths, known.get(name))
        except ChainError as error:
            wrong.append(f"{name}: {error}")
        else:
            good.append(_Verified(name, head, anchored=name in known))
    if not found:
        wrong.append(f"no audit log in {data_dir / 'audit'}")
    _show(good, wrong, as_json=as_json, with_anchors=anchors is not None)


class _Verified(NamedTuple):
    """A chain that is as it was written."""

    name: str
    head: Head
    anchored: bool
    """Whether an anchor vouches for it: else entries may be missing at its end."""


def _show(
    good: Sequence[_Verified], wrong: Sequence[str], *, as_json: bool, with_anchors: bool
) -> None:
    """Print what was found; fails where something is wrong."""
    if as_json:
        chains = [
            {
                "name": each.name,
                "entries": each.head.seq + 1,
                "head": each.head.digest,
                "anchored": each.anchored,
            }
            for each in good
        ]
        echo_json({"chains": chains, "wrong": wrong})
        if wrong:
            raise SystemExit(1)
        return
    for name, head, anchored in good:
        said = ", without an anchor" if with_anchors and not anchored else ""
        click.echo(f"{name}: {head.seq + 1} entries, head {head.digest}{said}")
    if wrong:
        raise click.ClickException("\n".join(wrong))


@audit.command()
@DATA_DIR
def heads(data_dir: Path) -> None:
    """Print the head of each chain as JSON, to be kept where nobody here can change it."""
    try:
        found = {name: verify(files) for name, files in chains(data_dir / "audit").items()}
    except ChainError as error:
        raise click.ClickException(str(error)) from error
    if not found:
        # Kept as anchors, none would vouch for anything.
        raise click.ClickException(f"no audit log in {data_dir / 'audit'}")
    click.echo(json.dumps({name: [head.seq, head.digest] for name, head in found.items()}))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _read(anchors: Path) -> Mapping[str, Head]:
    try:
        noted = json_loads(anchors.read_text())
        heads = {name: Head(int(seq), str(digest)) for name, (seq, digest) in noted.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise click.ClickException(f"{anchors}: is not what `audit heads` prints") from error
    if not heads:
        raise click.ClickException(f"{anchors}: has no anchor, and would vouch for nothing")
    return heads
