"""Lays out stand-in providers so that Terraform takes them for the real ones."""

import json
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import grpc

from tools.terraform import stand_in
from tools.terraform.schema import Block, CtyType, NestedBlock, Provider

__all__ = ["lay_out"]

SOURCE = "hashicorp"
"""Whose providers these are, as `required_providers` names them."""

protocol: Any = grpc.protos("tools/terraform/plugin.proto")
_NESTING = {"single": 1, "list": 2, "set": 3}


def lay_out(folder: Path, providers: Iterable[Provider]) -> dict[str, str]:
    """Write a stand-in of each provider to `folder`; give the environment Terraform is to have.

    The overrides of a developer's own builds are what Terraform offers for this: no network, no
    lock file, no version check.
    """
    overrides = []
    for each in providers:
        home = folder / each.name
        home.mkdir(parents=True, exist_ok=True)
        schema = home / "schema.pb"
        schema.write_bytes(_encoded(each))
        program = home / f"terraform-provider-{each.name}"
        command = shlex.join([sys.executable, stand_in.__file__, str(schema)])
        program.write_text(f"#!/bin/sh\nexec {command}\n")
        program.chmod(0o755)
        overrides.append(f'    "{SOURCE}/{each.name}" = {json.dumps(str(home))}\n')
    config = folder / "terraform.rc"
    config.write_text(
        "disable_checkpoint = true\nprovider_installation {\n  dev_overrides {\n"
        + "".join(overrides)
        + "  }\n  direct {}\n}\n"
    )
    # The stand-ins listen on loopback in the clear.
    return {"TF_CLI_CONFIG_FILE": str(config), "TF_DISABLE_PLUGIN_TLS": "1"}


def _encoded(provider: Provider) -> bytes:
    response = protocol.GetProviderSchemaResponse()
    response.provider.block.CopyFrom(_block(provider.config))
    by_kind = {"resource": response.resource_schemas, "data": response.data_source_schemas}
    for (kind, name), block in provider.types.items():
        by_kind[kind][name].block.CopyFrom(_block(block))
    return bytes(response.SerializeToString())


def _block(block: Block) -> Any:  # noqa: ANN401 - compiled at run time
    message = protocol.Schema.Block()
    for name, each in block.attributes.items():
        message.attributes.add(
            name=name,
            type=json.dumps(_cty(each.type)).encode(),
            required=each.required,
            optional=each.optional,
            computed=each.computed,
        )
    for name, nested in block.blocks.items():
        message.block_types.append(_nested(name, nested))
    return message


def _nested(name: str, nested: NestedBlock) -> Any:  # noqa: ANN401 - as above
    return protocol.Schema.NestedBlock(
        type_name=name,
        block=_block(nested.block),
        nesting=_NESTING[nested.nesting],
        min_items=nested.min_items,
        max_items=nested.max_items,
    )


def _cty(kind: CtyType) -> Any:  # noqa: ANN401 - JSON
    # A block with `single` nesting is an object where it stands in an attribute.
    if isinstance(kind, list) and kind[0] == "single":
        return _cty(kind[1])  # type: ignore[arg-type]
    if isinstance(kind, list):
        return [kind[0], *(_cty(each) for each in kind[1:])]  # type: ignore[arg-type]
    if isinstance(kind, dict):
        return {name: _cty(each) for name, each in kind.items()}
    return kind
