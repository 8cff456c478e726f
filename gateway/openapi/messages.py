"""The messages of a descriptor set, by full name and with their comments."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aviary.edge.v1 import access_pb2, limits_pb2
from aviary.edge.v1.limits_pb2 import Limits
from google.api import field_behavior_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

__all__ = ["Field", "Message", "messages"]

# Where source information has the comments: file.message_type[i].field[j].
MESSAGE_FIELD = 4
FIELD_FIELD = 2


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message."""

    proto: FieldDescriptorProto
    comment: str
    values: tuple[str, ...] = ()
    """The names that an enum has, as JSON says them."""

    @property
    def name(self) -> str:
        """Its name in the proto, and in JSON."""
        return self.proto.name

    @property
    def repeated(self) -> bool:
        """Whether it is a list."""
        return self.proto.label == FieldDescriptorProto.LABEL_REPEATED

    @property
    def may_be_absent(self) -> bool:
        """Whether the field is left out of JSON when nothing set it."""
        return self.proto.proto3_optional

    @property
    def deprecated(self) -> bool:
        """Whether callers are to stop using it."""
        return self.proto.options.deprecated

    @property
    def limits(self) -> Limits:
        """What it may hold."""
        return self.proto.options.Extensions[limits_pb2.limits]

    @property
    def names_end_user(self) -> bool:
        """Whether it names the end user, and so may be left out from outside."""
        return self.proto.options.Extensions[access_pb2.caller]

    @property
    def required(self) -> bool:
        """Whether a client outside must give it."""
        behaviors = self.proto.options.Extensions[field_behavior_pb2.field_behavior]
        return field_behavior_pb2.REQUIRED in behaviors and not self.names_end_user


@dataclass(frozen=True, slots=True)
class Message:
    """A message."""

    full_name: str
    comment: str
    fields: tuple[Field, ...]
    deprecated: bool = False
    """Whether callers are to stop using it."""

    @property
    def name(self) -> str:
        """Its name without the package."""
        return self.full_name.rpartition(".")[2]


def messages(files: FileDescriptorSet) -> dict[str, Message]:
    """Return every top-level message by its full name."""
    enums = {
        f".{file.package}.{enum.name}": tuple(value.name for value in enum.value)
        for file in files.file
        for enum in file.enum_type
    }
    return {
        message.full_name: message for file in files.file for message in _messages_of(file, enums)
    }


def _messages_of(
    file: FileDescriptorProto, enums: Mapping[str, tuple[str, ...]]
) -> Iterator[Message]:
    comments = {
        tuple(one.path): one.leading_comments.strip() for one in file.source_code_info.location
    }
    for at, message in enumerate(file.message_type):
        yield Message(
            f"{file.package}.{message.name}",
            comments.get((MESSAGE_FIELD, at), ""),
            tuple(_fields_of(message, at, comments, enums)),
            message.options.deprecated,
        )


def _fields_of(
    message: DescriptorProto,
    at: int,
    comments: dict[tuple[int, ...], str],
    enums: Mapping[str, tuple[str, ...]],
) -> Iterator[Field]:
    for number, field in enumerate(message.field):
        comment = comments.get((MESSAGE_FIELD, at, FIELD_FIELD, number), "")
        yield Field(field, comment, enums.get(field.type_name, ()))
