"""What is known of one type of resource."""

from tools.terraform.schema import Attribute, Block, NestedBlock

AFTER = Attribute("string", required=True, values=frozenset({"1s", "2s"}))
SCHEMA = Block(
    {
        "name": Attribute("string", required=True),
        "labels": Attribute(["map", "string"], optional=True),
        "uid": Attribute("string", computed=True),
        "mode": Attribute("string", optional=True, values=frozenset({"FAST", "SAFE"})),
        "modes": Attribute(["list", "string"], optional=True, values=frozenset({"FAST", "SAFE"})),
    },
    {
        "retry": NestedBlock(Block({"after": AFTER}), "list", max_items=1),
    },
)
