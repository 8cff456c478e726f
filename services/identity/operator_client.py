"""What the issuer and the operator's commands agree on: how these get a token of any user."""

from typing import Final

__all__ = ["HANDLE_TOKEN_TYPE", "OPERATOR_CLIENT_ID", "TOKEN_EXCHANGE"]

OPERATOR_CLIENT_ID: Final = "operator"
"""The client of the commands `token` and `load`: it may have a token of any user."""
TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a name
HANDLE_TOKEN_TYPE: Final = "urn:aviary:token-type:handle"  # noqa: S105 - a name
"""What the operator exchanges: a user's handle."""
