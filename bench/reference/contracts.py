"""Contracts as if the edge translated each answer: no RPC gives the JSON of another."""

from aviary.edge.v1 import access_pb2
from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet

__all__ = ["translated_by_the_edge"]


def translated_by_the_edge(descriptor: bytes) -> bytes:
    """Give each RPC whose JSON another gives the HTTP path of that other one back."""
    files = FileDescriptorSet.FromString(descriptor)
    for file in files.file:
        for service in file.service:
            by_name = {method.name: method for method in service.method}
            for method in service.method:
                if of := method.options.Extensions[access_pb2.json_of]:
                    path = method.options.Extensions[annotations_pb2.http]
                    by_name[of].options.Extensions[annotations_pb2.http].CopyFrom(path)
                    method.options.ClearExtension(annotations_pb2.http)
                    method.options.ClearExtension(access_pb2.json_of)
    return files.SerializeToString()
