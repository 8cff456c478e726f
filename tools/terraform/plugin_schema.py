"""A provider's schema in the encoding of Terraform's plugin protocol."""

import json
from typing import Any

import grpc

from tools.terraform.schema import Block, CtyType, NestedBlock, Provider

__all__ = ["encoded"]

protocol: Any = grpc.protos("tools/terraform/plugin.proto")
_NESTING = {"single": 1, "list": 2, "set": 3}


def encoded(provider: Provider) -> bytes:
    """Encode a schema as the answer to `GetProviderSchema`."""
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
