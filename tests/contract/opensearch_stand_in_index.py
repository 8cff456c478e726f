"""A stand-in's indexes: documents with versions and sequence numbers, found once refreshed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.contract.opensearch_stand_in_queries import Corpus, RefusedError, only

__all__ = ["StandInIndex"]

MOST_VERSION = 2**63 - 1
MAX_TOKEN = 255


@dataclass
class _Stored:
    source: Mapping[str, Any] | None
    """None where it is deleted: the version is remembered, as within `index.gc_deletes`."""
    version: int
    seq_no: int


@dataclass
class StandInIndex:
    """One index, as it was made."""

    name: str
    made_with: Mapping[str, Any]
    aliases: set[str] = field(default_factory=set)
    stored: dict[str, _Stored] = field(default_factory=dict)
    found: dict[str, Mapping[str, Sequence[Any]]] = field(default_factory=dict)
    """As of the last refresh: field to terms."""
    seq_no: int = -1

    def __post_init__(self) -> None:
        only(self.made_with, "aliases", "settings", "mappings")
        self.aliases = set(self.made_with.get("aliases", ()))
        mappings = self.made_with.get("mappings", {})
        only(mappings, "dynamic", "_source", "properties")
        self._strict = mappings.get("dynamic") == "strict"
        self.fields: Mapping[str, Mapping[str, Any]] = mappings.get("properties", {})
        only(mappings.get("_source", {}), "enabled")
        settings = self.made_with.get("settings", {})
        only(settings, "index", "analysis")
        only(settings.get("index", {}), "gc_deletes", "sort.field", "sort.order")
        self._analysis = settings.get("analysis", {})
        for name, each in self.fields.items():
            only(each, "type", "analyzer", "index_options", "doc_values")
            known = each["type"] in {"long", "text", "keyword"}
            if not known or (each["type"] == "text" and not self._has(each["analyzer"])):
                raise RefusedError(f"cannot map [{name}]", "mapper_parsing_exception")

    def _has(self, analyzer: str) -> bool:
        return analyzer in self._analysis.get("analyzer", {})

    def corpus(self) -> Corpus:
        return Corpus(self.fields, self.found)

    def refresh(self) -> None:
        self.found = {
            doc: {name: self._terms(name, value) for name, value in each.source.items()}
            for doc, each in self.stored.items()
            if each.source is not None and self.fields
        }

    def drop(self, docs: Sequence[str]) -> int:
        """As a query deletes: by the version that is there, which goes up by one."""
        dropped = 0
        for doc in docs:
            known = self.stored.get(doc)
            if known is not None and known.source is not None:
                self.seq_no += 1
                self.stored[doc] = _Stored(None, known.version + 1, self.seq_no)
                dropped += 1
        return dropped

    def put(self, doc: str, source: Mapping[str, Any] | None, said: Mapping[str, Any]) -> _Stored:
        """Write a document, or (None) delete it; refuses what another version forbids."""
        only(said, "version", "version_type", "op_type", "if_seq_no", "if_primary_term")
        if source is not None and self._strict:
            only(source, *self.fields)
            for name, value in source.items():
                self._terms(name, value)
        known = self.stored.get(doc)
        live = known if known is not None and known.source is not None else None
        version = known.version + 1 if known is not None else 1
        if "version" in said:
            version = said["version"]
            if said.get("version_type") != "external_gte" or not 0 <= version <= MOST_VERSION:
                raise RefusedError("illegal version", "action_request_validation_exception")
        place = (live.seq_no, 1) if live is not None else None
        if (
            (known is not None and version < known.version)
            or (said.get("op_type") == "create" and live is not None)
            or ("if_seq_no" in said and (said["if_seq_no"], said["if_primary_term"]) != place)
        ):
            raise RefusedError("another is there", "version_conflict_engine_exception", 409)
        self.seq_no += 1
        stored = _Stored(source, version, self.seq_no)
        self.stored[doc] = stored
        return stored

    def _terms(self, name: str, value: Any) -> Sequence[Any]:
        field_ = self.fields[name]
        values = value if isinstance(value, list) else [value]
        wanted: type = int if field_["type"] == "long" else str
        if not all(type(each) is wanted for each in values):
            raise RefusedError(f"failed to parse field [{name}]", "mapper_parsing_exception")
        if field_["type"] == "long" and not all(abs(each) < 2**63 for each in values):
            raise RefusedError(f"out of range: [{name}]", "mapper_parsing_exception")
        return self._cut(value, field_["analyzer"]) if field_["type"] == "text" else values

    def _cut(self, text: str, analyzer: str) -> Sequence[str]:
        tokenizer = self._analysis["tokenizer"][self._analysis["analyzer"][analyzer]["tokenizer"]]
        if tokenizer["type"] != "whitespace":
            raise RefusedError(f"unknown tokenizer {tokenizer['type']}")
        most = tokenizer.get("max_token_length", MAX_TOKEN)
        return [
            word[start : start + most]
            for word in text.split()
            for start in range(0, len(word), most)
        ]
