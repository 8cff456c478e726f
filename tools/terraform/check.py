"""All checks in order: what was checked, what was not, and what is wrong."""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from tools.terraform import arguments, expressions, layout
from tools.terraform.bench import Bench
from tools.terraform.bindings import read_provider
from tools.terraform.examples import examples
from tools.terraform.program import find
from tools.terraform.scan import scan
from tools.terraform.schema import Provider
from tools.terraform.sources import Folder, folders, parse, parse_text
from tools.terraform.stand_in import serving

__all__ = ["MissingError", "Tools", "check", "locate"]

PROVIDERS = ("google", "google-beta", "kubernetes")
ROOT = Path(__file__).resolve().parents[2]
BESIDE = {each: ROOT / each for each in ("deploy/kubernetes", "envoy/sidecars")}
"""What the modules read of the rest of the tree: the manifests, and what sidecars are set to."""
MANIFESTS = ROOT / "deploy" / "kubernetes"
REAL = "the real providers"
STAND_INS = (
    "STAND-INS for the providers: names, types and expressions are checked as strictly as with the"
    " real ones, but nothing that only a provider's own code knows"
)
Say = Callable[[str], None]


class MissingError(RuntimeError):
    """Something that the checks need is not installed."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the infrastructure's own environment holds."""

    python: Path
    checkov: Path
    bindings: dict[str, Path]


def locate(environment: Path) -> Tools:
    """Find the tools. Raises `MissingError` naming what is not there."""
    bindings = {}
    for name in PROVIDERS:
        package = f"cdktn_provider_{name.replace('-', '_')}"
        pattern = f"lib/python3*/site-packages/{package}/_jsii/*.jsii.tgz"
        archives = sorted(environment.glob(pattern))
        if not archives:
            raise MissingError(
                f"no bindings of provider {name} in {environment}: run `make tf-check`"
            )
        bindings[name] = archives[-1]
    checkov = environment / "bin" / "checkov"
    if not checkov.exists():
        raise MissingError(f"no checkov in {environment}: run `make tf-check`")
    return Tools(environment / "bin" / "python", checkov, bindings)


def check(root: Path, tools: Tools, say: Say, *, real: bool, must_run: bool) -> list[str]:
    """Check everything under `root`; give what is wrong, and `say` what was done."""
    found = folders(root)
    shown = examples(root / "modules")
    for path in [*root.rglob("*.tftest.hcl"), *root.rglob("*.tfmock.hcl")]:
        parse(path)
    for example in shown:
        parse_text(example.code, f"the README's example {example.name}")
    say(f"parsed {sum(len(each.files) for each in found)} files of {len(found)} folders")
    wrong = list(layout.faults(found, root / "modules"))

    providers = _providers(found, tools)
    for each in providers.values():
        say(f"schema of {each.name} {each.version}, {len(each.types)} types, out of its bindings")
    wrong += arguments.faults(found, providers)
    wrong += expressions.faults(found)

    with tempfile.TemporaryDirectory() as scratch, _stand_ins(providers, real=real) as environment:
        terraform = find(tools.python, environment)
        if terraform is None:
            say("NOT RUN: terraform fmt, validate and test. There is no Terraform on this machine.")
            wrong += ["no terraform, and REQUIRE_TERRAFORM is set"] if must_run else []
        else:
            bench = Bench.lay_out(root, shown, Path(scratch), terraform, real=real, beside=BESIDE)
            wrong += [*bench.format_faults(), *bench.faults()]
            version, count = terraform.version(root), len(bench.folders())
            say(f"{version}: fmt, validate and test of {count} folders")
            say(f"{len(shown)} of them examples, with {REAL if real else STAND_INS}")

    for framework, folder in (("terraform", root), ("kubernetes", MANIFESTS)):
        faults, passed = scan(tools.checkov, folder, framework)
        say(f"checkov: {passed} checks of {framework} passed")
        wrong += faults
    return wrong


def _stand_ins(
    providers: Mapping[str, Provider], *, real: bool
) -> AbstractContextManager[Mapping[str, str]]:
    return nullcontext({}) if real else serving(providers.values())


def _providers(found: list[Folder], tools: Tools) -> dict[str, Provider]:
    return {
        name: read_provider(archive, name, arguments.wanted(found, name))
        for name, archive in tools.bindings.items()
    }
