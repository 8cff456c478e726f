"""Rules of the contracts that buf has no lint for."""

import re
from collections.abc import Iterator

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

from gateway.envoy import own_contracts

# What a name ends with where a number holds a time or a span of time.
TIME_NAME = re.compile(r"_(ms|millis|us|micros|ns|nanos|s|sec|seconds|unix|at|time)$")
MASK_NAME = re.compile(r"(^|_)(mask|masks|paths)$")


def own_files() -> list[FileDescriptorProto]:
    return [file for file in own_contracts().files.file if file.package.startswith("aviary.")]


def fields() -> Iterator[tuple[str, FieldDescriptorProto, set[str]]]:
    """Each field that is not deprecated, by its full name, with the names beside it."""
    for file in own_files():
        # Names and types there are Envoy's.
        if file.package == "aviary.envoy.v1":
            continue
        for message in file.message_type:
            beside = {field.name for field in message.field}
            for field in message.field:
                yield f"{file.package}.{message.name}.{field.name}", field, beside


def test_every_rpc_states_whether_it_may_be_repeated() -> None:
    methods = [
        (f"{file.package}.{service.name}/{method.name}", method)
        for file in own_files()
        for service in file.service
        for method in service.method
    ]
    assert methods
    # IDEMPOTENCY_UNKNOWN is a statement too, where it is written down.
    assert [name for name, m in methods if not m.options.HasField("idempotency_level")] == []


def test_what_http_takes_for_safe_has_no_side_effects() -> None:
    unsafe = [
        rpc.method
        for rpc in own_contracts().public
        for service in [own_contracts().pool.FindServiceByName(rpc.service)]
        if (rpc.verb == "GET")
        != (service.FindMethodByName(rpc.method).GetOptions().idempotency_level == 1)
    ]
    assert unsafe == []


def test_times_are_timestamps_and_spans_are_durations() -> None:
    wrong = [
        name
        for name, field, _ in fields()
        if TIME_NAME.search(field.name)
        and not field.options.deprecated
        and field.type_name not in {".google.protobuf.Timestamp", ".google.protobuf.Duration"}
    ]
    assert wrong == []


def test_a_deprecated_number_of_milliseconds_has_its_timestamp_beside_it() -> None:
    old = [(name, field, beside) for name, field, beside in fields() if field.name.endswith("_ms")]
    assert old
    for name, field, beside in old:
        assert field.options.deprecated, name
        assert field.name.removesuffix("_ms") in beside, name


def test_masks_are_field_masks() -> None:
    wrong = [
        name
        for name, field, _ in fields()
        if MASK_NAME.search(field.name) and field.type_name != ".google.protobuf.FieldMask"
    ]
    assert wrong == []
