from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from probe import Text, serving
from structlog.testing import capture_logs

from services.platform import errors
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.status import DETAILS_KEY, domain_error

WHO = {"user_id": "7"}
CASES = [
    (errors.InvalidArgumentError("text", "is too long"), grpc.StatusCode.INVALID_ARGUMENT),
    (errors.NotFoundError("no user", reason="USER", metadata=WHO), grpc.StatusCode.NOT_FOUND),
    (errors.AlreadyExistsError("x", reason="TAKEN"), grpc.StatusCode.ALREADY_EXISTS),
    (errors.FailedPreconditionError("x", reason="GONE"), grpc.StatusCode.FAILED_PRECONDITION),
    (errors.PermissionDeniedError("x", reason="NOT_YOURS"), grpc.StatusCode.PERMISSION_DENIED),
    (errors.UnavailableError("away", retry_after_s=2.5), grpc.StatusCode.UNAVAILABLE),
]


def raising(error: BaseException) -> Any:
    async def on_call(_request: Any, _context: Any) -> Any:
        raise error

    return on_call


async def refused(method: Any) -> tuple[grpc.aio.AioRpcError, Status]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await method(Text(), timeout=20)
    trailers = dict(caught.value.trailing_metadata() or ())
    return caught.value, Status.FromString(trailers[DETAILS_KEY])


def unpacked(status: Status, kind: Any) -> Any:
    detail = kind()
    assert any(any_.Unpack(detail) for any_ in status.details)
    return detail


@pytest.mark.parametrize(("error", "code"), CASES, ids=lambda case: type(case).__name__)
async def test_domain_error_gives_its_code_and_details(
    error: errors.AviaryError, code: grpc.StatusCode
) -> None:
    async with serving(raising(error)) as (stub, _, _):
        answer, status = await refused(stub.Append)
    assert answer.code() is code
    assert answer.details() == str(error)
    assert (status.code, status.message) == (code.value[0], str(error))
    info = unpacked(status, ErrorInfo)
    assert (info.reason, info.domain) == (error.reason, "aviary")
    assert dict(info.metadata) == dict(error.metadata)
    if isinstance(error, errors.InvalidArgumentError):
        (violation,) = unpacked(status, BadRequest).field_violations
        assert (violation.field, violation.description) == ("text", "is too long")
    if isinstance(error, errors.UnavailableError):
        assert unpacked(status, RetryInfo).retry_delay.ToMilliseconds() == 2500


@pytest.mark.parametrize(("error", "code"), CASES, ids=lambda case: type(case).__name__)
async def test_client_gets_the_same_domain_error_back(
    error: errors.AviaryError, code: grpc.StatusCode
) -> None:
    del code
    async with serving(raising(error)) as (stub, _, _):
        with pytest.raises(errors.AviaryError) as caught:
            await RpcClient(timeout_s=20).call(stub.Append, Text())
    assert type(caught.value) is type(error)
    assert (str(caught.value), caught.value.reason) == (str(error), error.reason)
    assert caught.value.metadata == error.metadata
    assert getattr(caught.value, "retry_after_s", 0) == getattr(error, "retry_after_s", 0)


async def test_unknown_error_is_logged_whole_and_hidden_from_the_client() -> None:
    with capture_logs() as logs:
        async with serving(raising(ValueError("password is hunter2"))) as (stub, _, _):
            answer, status = await refused(stub.Append)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await RpcClient(timeout_s=20).call(stub.Append, Text())
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert answer.code() is grpc.StatusCode.INTERNAL
    assert answer.details() == "Something went wrong on our side."
    assert b"hunter2" not in status.SerializeToString()
    (log, _) = [log for log in logs if log["event"] == "rpc.unknown_error"]
    assert log["exc_info"]
    assert log["method"] == "probe.v1.ProbeService/Append"


async def test_error_in_a_stream_comes_after_its_messages() -> None:
    error = errors.NotFoundError("no list", reason="LIST")
    async with serving(raising(error)) as (stub, _, _):
        with pytest.raises(errors.NotFoundError, match="no list"):
            [message async for message in RpcClient(timeout_s=20).stream(stub.List, Text())]


async def test_sibling_that_is_not_there_is_unavailable() -> None:
    async with serving(raising(ValueError())) as (stub, _, server):
        await server.stop(0)
        with pytest.raises(errors.UnavailableError):
            await RpcClient(timeout_s=20).call(stub.Read, Text())


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        # What a server that has to stop answers to a call it has not begun.
        grpc.StatusCode.CANCELLED,
    ],
)
def test_a_sibling_without_an_answer_is_unavailable(code: grpc.StatusCode) -> None:
    error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata())
    assert isinstance(domain_error(error), errors.UnavailableError)
