"""The access token that a load shows to the edge."""

from collections.abc import Callable
from pathlib import Path

from services.cli.load.errors import LoadError
from services.local.operator_file import OperatorError, fetch_token, read_operator

__all__ = ["TokenSource", "token_source"]

TokenSource = Callable[[], str]
"""Gives a token, a new one if it can; blocks. Raises `LoadError`."""


def token_source(url: str, token: str | None, data_dir: Path) -> TokenSource | None:
    """Take the token given, or the operator's of the Aviary at `url`; None where there is neither.

    The operator's is shown to nobody but the Aviary whose operator it is.
    """
    if token is not None:
        return lambda: token
    try:
        operator = read_operator(data_dir)
    except OperatorError:
        return None
    if operator.url.rstrip("/") != url.rstrip("/"):
        return None

    def fetch() -> str:
        try:
            return fetch_token(operator)
        except OperatorError as error:
            raise LoadError(str(error)) from error

    return fetch
