"""How commands reach a service, and how its failures read."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc.aio
from google.protobuf.descriptor import FileDescriptor

from services.cli.operate.errors import OperateError
from services.cli.operate.finding import Found
from services.platform.errors import AviaryError, UnavailableError
from services.platform.rpc.operator import operator_channel
from services.platform.runtime.clock import SystemClock
from services.platform.security.signing import Signer
from services.platform.security.tls import CredentialsError

__all__ = ["channel_to", "explained"]


def channel_to(found: Found, file: FileDescriptor) -> grpc.aio.Channel:
    """Open a channel to the services of a contract. Raises `OperateError` without a certificate."""
    signer = None if found.keys is None else Signer(found.keys, SystemClock())
    services = list(file.services_by_name.values())
    try:
        return operator_channel(
            found.certificates, found.service, found.address, services, signer=signer
        )
    except CredentialsError as error:
        raise OperateError(f"no certificate to show to {found.service}: {error}") from error


@contextmanager
def explained(found: Found) -> Iterator[None]:
    """Say who failed, and what to do."""
    try:
        yield
    except UnavailableError as error:
        raise OperateError(
            f"no answer from {found.service} at {found.address} ({error}); is Aviary running, as "
            f"by `make run`? The address is from {found.source}"
        ) from error
    except AviaryError as error:
        raise OperateError(str(error)) from error
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.UNIMPLEMENTED:
            raise OperateError(
                f"{found.service} at {found.address} does not know this call: it is of another "
                "version than this command; restart it as this version, or use its own"
            ) from error
        raise OperateError(
            f"{found.service} at {found.address} failed with {error.code().name}: "
            f"{error.details()}; see its log"
        ) from error
