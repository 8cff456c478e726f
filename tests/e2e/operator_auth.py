"""How tests show that they are the operator, to the edge."""

from collections.abc import Generator
from pathlib import Path

import httpx

from services.local.operator_file import OperatorError, fetch_token, read_operator

__all__ = ["OperatorAuth"]


class OperatorAuth(httpx.Auth):
    """Shows a token that acts for anybody, and gets another when it is refused."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._shown: list[str] = []

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        # A test that shows a token of its own means it.
        if request.headers.get("authorization") not in {None, *self._shown}:
            yield request
            return
        if self._shown:
            request.headers["authorization"] = self._shown[-1]
        answer = yield request
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            try:
                request.headers["authorization"] = self.renewed()
            except OperatorError as error:
                # As the issuer may be the one that a test has stopped.
                raise httpx.ConnectError(str(error)) from error
            yield request

    def renewed(self) -> str:
        """Get a token; gives the header's value."""
        self._shown.append(f"Bearer {fetch_token(read_operator(self._data_dir))}")
        return self._shown[-1]
