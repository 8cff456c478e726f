"""Envoy's configuration, and the document that it serves, against the descriptor."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from gateway.check.differences import differences, file_contents
from gateway.envoy.contracts import Contracts
from gateway.envoy.generated import GENERATED
from gateway.openapi import openapi_document
from services.platform.files.inner_path import inner_path

__all__ = ["edge_drift"]

DOCUMENT_PATH = "/openapi.json"
RPC_PREFIX = "/aviary."


def edge_drift(config: Path, root: Path, contracts: Contracts) -> list[str]:
    """Compare Envoy's configuration at `config` with the descriptor; a line for each difference.

    Files that it names are relative to `root`, as Envoy is started there, or absolute and among
    those that are generated; others are not read.
    """
    try:
        settings = yaml.safe_load(config.read_text())
    except (OSError, yaml.YAMLError) as error:
        return [f"edge: {config} cannot be read: {error}"]
    nodes = list(_nodes(settings))
    lines = [
        *_services(nodes, contracts),
        *_descriptor(nodes, root, contracts),
        *_routes(nodes, contracts),
        *_document(nodes, root, contracts),
    ]
    return [f"edge: {line}" for line in lines]


def _nodes(value: object) -> Iterator[dict[str, Any]]:
    """Give every mapping in a configuration: what is looked for is there once, wherever."""
    values: list[object] = []
    if isinstance(value, dict):
        yield value
        values = list(value.values())
    elif isinstance(value, list):
        values = value
    for inner in values:
        yield from _nodes(inner)


def _services(nodes: list[dict[str, Any]], contracts: Contracts) -> list[str]:
    found = {name for node in nodes if "proto_descriptor" in node for name in node["services"]}
    wanted = set(contracts.services)
    return [
        *(f"Envoy does not transcode {name}" for name in sorted(wanted - found)),
        *(f"Envoy transcodes {name}, which has no public RPC" for name in sorted(found - wanted)),
    ]


def _descriptor(nodes: list[dict[str, Any]], root: Path, contracts: Contracts) -> list[str]:
    lines = []
    wanted = {file.name: file_contents(file) for file in contracts.files.file}
    for path in {node["proto_descriptor"] for node in nodes if "proto_descriptor" in node}:
        try:
            read = Contracts.read(_named(root, path))
        except (OSError, ValueError) as error:
            lines.append(f"the transcoder's {path} cannot be read: {error}")
            continue
        found = {file.name: file_contents(file) for file in read.files.file}
        there = differences(found, wanted, wanted_by="the descriptor")
        lines += [f"the transcoder's {path}: {line}" for line in there]
    return lines


def _routes(nodes: list[dict[str, Any]], contracts: Contracts) -> list[str]:
    paths = {str(node["match"].get("path", "")) for node in nodes if "match" in node}
    found = {path for path in paths if path.startswith(RPC_PREFIX)}
    # Paths of REST have other routes, by method and query.
    of_rpcs = (path for rpc in contracts.public for path in rpc.paths)
    wanted = {path for path in of_rpcs if path.startswith(RPC_PREFIX)}
    return [
        *(f"Envoy has no route to {path}" for path in sorted(wanted - found)),
        *(f"Envoy has a route to {path}, which is not public" for path in sorted(found - wanted)),
    ]


def _document(nodes: list[dict[str, Any]], root: Path, contracts: Contracts) -> list[str]:
    files = {
        node["direct_response"]["body"]["filename"]
        for node in nodes
        if "match" in node
        and node["match"].get("path") == DOCUMENT_PATH
        and "body" in node.get("direct_response", {})
    }
    if not files:
        return [f"Envoy serves no {DOCUMENT_PATH}"]
    lines = []
    wanted = openapi_document(contracts)
    for file in sorted(files):
        try:
            found = json.loads(_named(root, file).read_text())
        except (OSError, ValueError) as error:
            lines.append(f"{file} cannot be read: {error}")
            continue
        there = differences(found, wanted, wanted_by="the descriptor")
        lines += [f"{file}: {line}" for line in there]
    return lines


def _named(root: Path, name: str) -> Path:
    """Return the file that a configuration names; raises ValueError for one elsewhere."""
    path = Path(name)
    if path.is_absolute():
        return inner_path(GENERATED, str(path.relative_to(GENERATED)))
    return inner_path(root, name)
