"""The user service over gRPC: translates between messages and `UserService`."""

from google.protobuf.timestamp_pb2 import Timestamp
from grpc.aio import ServicerContext

from aviary.user.v1 import user_pb2
from aviary.user.v1 import user_service_pb2 as pb
from aviary.user.v1.user_service_pb2_grpc import UserServiceServicer
from services.user.model import User
from services.user.service import UserService

__all__ = ["UserServicer"]
