"""Reads provider schemas out of the `cdktn-provider-*` wheels.

Those wheels hold generated JavaScript. The generator wrote each class from the provider's own
schema, and everything a schema says is in it, in a fixed form: a comment above each attribute
(`// name - computed: false, optional: false, required: true`), a table of types in each
`…HclTerraform` function, and the getters of what only the provider sets. Beside it are TypeScript's
declarations with the provider's documentation, which ends in `Possible values: ["A", "B"]` where an
attribute takes one of a few texts.
"""

import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from tools.terraform.schema import Attribute, Block, CtyType, Kind, NestedBlock, Provider

__all__ = ["BindingsError", "read_provider"]

_CODE = re.compile(r"package/lib/([\w-]+)/.*\.(?:d\.ts|js)")
_VERSION = re.compile(r"providerVersion: '([^']+)'")
_TYPE = re.compile(r'static tfResourceType = "([^"]+)"')
_CLASS = re.compile(r"^class (\w+) extends cdktn\.\w+ \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_FUNCTION = re.compile(
    r"^function (\w+)ToHclTerraform\(.*?\) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL
)
_SYNTHESIS = re.compile(
    r"^    synthesizeHclAttributes\(\) \{\n(.*?)^    \}", re.MULTILINE | re.DOTALL
)
_FIELD = re.compile(
    r"^ +(\w+): \{\n"
    r"\s+value: (?P<value>.*),\n"
    r"\s+isBlock: (?P<block>true|false),\n"
    r'\s+type: "(?P<type>\w+)",\n'
    r'\s+storageClassType: "(?P<storage>\w+)",',
    re.MULTILINE,
)
_STRUCT = re.compile(r"\b(\w+)ToHclTerraform\b")
_FLAGS = re.compile(
    r"^    // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\n"
    r"(.*?)(?=^    // \w+ - computed|\Z)",
    re.MULTILINE | re.DOTALL,
)
_INTERFACE = re.compile(r"^export interface (\w+) .*?\{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_DOCUMENTED = re.compile(r"/\*\*(.*?)\*/\s+readonly \w+\??:", re.DOTALL)
_LISTED = re.compile(r"Possible values: (\[[^\]]*\])")
_ANCHOR = re.compile(r"#(\w+) ")
_MADE = re.compile(r"= new (?:\w+\.)?(\w+)\(this, \"\w+\"(?:, (true|false))?\)")
_GETTER = re.compile(r"return .*?\bget(\w+)Attribute\(")
_LEAVES: dict[str, CtyType] = {
    "string": "string",
    "number": "number",
    "boolean": "bool",
    "any": "dynamic",
    "stringList": ["list", "string"],
    "numberList": ["list", "number"],
    "stringMap": ["map", "string"],
    "anyMap": "dynamic",
}
_GETTERS: dict[str, CtyType] = {
    "String": "string",
    "Number": "number",
    "Boolean": "bool",
    "List": ["list", "string"],
    "NumberList": ["list", "number"],
    "StringMap": ["map", "string"],
}
_MADE_LEAVES: dict[str, CtyType] = {
    "StringMap": ["map", "string"],
    "StringMapList": ["list", ["map", "string"]],
}


_NO_VALUES: Mapping[str, frozenset[str]] = MappingProxyType({})


class BindingsError(ValueError):
    """The wheel does not hold what was asked for, or not in the form this reader knows."""


def read_provider(archive: Path, name: str, wanted: Iterable[tuple[Kind, str]]) -> Provider:
    """Read the provider `name` and the wanted types out of a wheel's `*.jsii.tgz`.

    Raises `BindingsError` naming the types that the provider does not have.
    """
    folders = {_folder(name, kind, type_name): (kind, type_name) for kind, type_name in wanted}
    types: dict[tuple[Kind, str], Block] = {}
    version, config = "", None
    for folder, source in _sources(archive, {*folders, "provider"}):
        module = _Module(source)
        if folder == "provider":
            version, config = module.version(), module.main_block()
        elif module.type_name() == folders[folder][1]:
            types[folders[folder]] = module.main_block()
    if config is None:
        raise BindingsError(f"{archive.name} holds no provider")
    if missing := sorted(" ".join(each) for each in set(folders.values()) - set(types)):
        raise BindingsError(f"{name} {version} has no {', '.join(missing)}")
    return Provider(name, version, config, types)


def _folder(provider: str, kind: Kind, type_name: str) -> str:
    if kind == "data":
        return "data-" + type_name.replace("_", "-")
    return type_name.removeprefix(provider + "_").replace("_", "-")


def _sources(archive: Path, folders: set[str]) -> Iterator[tuple[str, str]]:
    """(folder, its code) for each; a large type's code is spread over several files."""
    found: dict[str, list[str]] = {}
    with tarfile.open(archive, "r|gz") as tar:
        for member in tar:
            path = _CODE.fullmatch(member.name)
            if path is None or path.group(1) not in folders:
                continue
            content = tar.extractfile(member)
            if content is not None:
                found.setdefault(path.group(1), []).append(content.read().decode())
    for folder, parts in found.items():
        yield folder, "\n".join(parts)


def _interface(struct: str) -> str:
    return struct[0].upper() + struct[1:]


def _listed_values(declared: str) -> Mapping[str, frozenset[str]]:
    """Attributes of an interface to the texts they take; those that take any are left out."""
    found = {}
    for comment in _DOCUMENTED.findall(declared):
        listed, anchor = _LISTED.search(comment), _ANCHOR.search(comment)
        if listed is not None and anchor is not None:
            found[anchor.group(1)] = frozenset(json.loads(listed.group(1)))
    return found


class _Module:
    """One `index.js`: the classes of a resource and of its blocks."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._classes = dict(_CLASS.findall(source))
        self._functions = dict(_FUNCTION.findall(source))
        self._values = {
            name: _listed_values(declared) for name, declared in _INTERFACE.findall(source)
        }

    def version(self) -> str:
        found = _VERSION.search(self._source)
        if found is None:
            raise BindingsError("the bindings do not name the provider's version")
        return found.group(1)

    def type_name(self) -> str:
        found = _TYPE.search(self._source)
        return found.group(1) if found else ""

    def main_block(self) -> Block:
        """The resource itself: the one class with `synthesizeHclAttributes`."""
        mains = [(body, _SYNTHESIS.search(body)) for body in self._classes.values()]
        for body, synthesis in mains:
            if synthesis is not None:
                return self._block(synthesis.group(1), body, self._config_values())
        raise BindingsError(f"no main class in the bindings of {self.type_name() or 'a type'}")

    def _config_values(self) -> Mapping[str, frozenset[str]]:
        """What the resource itself takes; its interface is the one whose name ends so."""
        configs = [values for name, values in self._values.items() if name.endswith("Config")]
        return configs[0] if len(configs) == 1 else {}

    def _block(
        self, table: str, body: str, values: Mapping[str, frozenset[str]] = _NO_VALUES
    ) -> Block:
        """Join the table of what can be set with the class, which lists everything."""
        fields = {found.group(1): found for found in _FIELD.finditer(table)}
        attributes: dict[str, Attribute] = {}
        blocks: dict[str, NestedBlock] = {}
        for name, computed, optional, required, code in _FLAGS.findall(body):
            settable = fields.pop(name, None)
            if settable is not None and settable.group("block") == "true":
                blocks[name] = self._nested(settable, code, required=required == "true")
                continue
            kind = self._made(code) if settable is None else self._settable(settable)
            attributes[name] = Attribute(
                kind,
                required == "true",
                optional == "true",
                computed == "true",
                values.get(name, frozenset()),
            )
        for name, settable in fields.items():
            # A list's element has no flags of its own in older bindings; take what the table says.
            if settable.group("block") == "true":
                blocks[name] = self._nested(settable, "", required=False)
            else:
                attributes[name] = Attribute(self._settable(settable), optional=True)
        return Block(attributes, blocks)

    def _nested(self, settable: re.Match[str], code: str, *, required: bool) -> NestedBlock:
        struct = self._struct(settable)
        values = self._values.get(_interface(struct), _NO_VALUES)
        block = self._block(self._functions[struct], self._struct_class(struct), values)
        if settable.group("type") == "struct" and settable.group(1) == "timeouts":
            return NestedBlock(block, "single")
        made = _MADE.search(code)
        single = made is not None and made.group(1).endswith("OutputReference")
        nesting: Literal["set", "list"] = "set" if settable.group("type") == "set" else "list"
        return NestedBlock(block, nesting, int(required), int(single))

    def _struct(self, settable: re.Match[str]) -> str:
        for name in _STRUCT.findall(settable.group("value")):
            if name in self._functions:
                return str(name)
        raise BindingsError(f"{self.type_name()}: cannot read the type of {settable.group(1)}")

    def _struct_class(self, struct: str) -> str:
        return str(self._classes.get(_interface(struct) + "OutputReference", ""))

    def _settable(self, settable: re.Match[str]) -> CtyType:
        storage, shape = settable.group("storage"), settable.group("type")
        if (leaf := _LEAVES.get(storage)) is not None:
            return ["set", leaf[1]] if shape == "set" and isinstance(leaf, list) else leaf
        struct = self._struct(settable)
        element = self._object(self._block(self._functions[struct], self._struct_class(struct)))
        return element if shape == "struct" else [shape, element]

    def _made(self, code: str) -> CtyType:
        """The type of what only the provider sets."""
        if made := _MADE.search(code):
            name, is_set = made.groups()
            if (leaf := _MADE_LEAVES.get(name)) is not None:
                return leaf
            element = name.removesuffix("List").removesuffix("Map").removesuffix("OutputReference")
            body = self._classes.get(element + "OutputReference", "")
            item = self._object(self._block("", body))
            if name.endswith("OutputReference"):
                return item
            collection = "map" if name.endswith("Map") else "set" if is_set == "true" else "list"
            return [collection, item]
        getter = _GETTER.search(code)
        return _GETTERS.get(getter.group(1), "dynamic") if getter else "dynamic"

    def _object(self, block: Block) -> CtyType:
        fields: dict[str, CtyType] = {name: each.type for name, each in block.attributes.items()}
        fields |= {
            name: [each.nesting, self._object(each.block)] for name, each in block.blocks.items()
        }
        return ["object", fields]
