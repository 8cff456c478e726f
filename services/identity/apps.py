"""Apps as operators see and end them."""

from collections.abc import Mapping
from typing import Final

from services.identity.app_keys import AppKeys
from services.identity.model import Client
from services.identity.oauth_clients import WEB_CLIENT_ID
from services.identity.operator_client import OPERATOR_CLIENT_ID
from services.identity.store import IdentityStore
from services.platform.audit.port import APP_REMOVED, Audit
from services.platform.error_reasons import Reason
from services.platform.errors import InvalidArgumentError, NotFoundError, UnavailableError

__all__ = ["Apps"]

NOT_REGISTERED: Final = frozenset({OPERATOR_CLIENT_ID, WEB_CLIENT_ID})
"""Clients that settings make."""
MAX_CONFLICTS: Final = 5
"""An app's record changes when an operator changes it, so twice in a row is much."""


class Apps:
    """The apps that were registered, and an end to those and the web client."""

    def __init__(self, store: IdentityStore, app_keys: AppKeys, audit: Audit) -> None:
        self._store = store
        self._app_keys = app_keys
        self._audit = audit

    async def all(self) -> Mapping[str, Client]:
        """Give every app by its id, in the order of ids."""
        return {
            client_id: client
            async for client_id, client in self._store.clients.stream()
            if client_id not in NOT_REGISTERED
        }

    async def remove(self, client_id: str) -> None:
        """End an app for good: it gets no more tokens, and its API keys are revoked.

        Access tokens that it has end by themselves, minutes later. What a crash leaves undone, a
        repeat does. `NotFoundError` (`APP_NOT_FOUND`) for no app, `InvalidArgumentError` for the
        operator's own client, which commands and loaders stand on.
        """
        if client_id == OPERATOR_CLIENT_ID:
            raise InvalidArgumentError("client_id", "is the operator's own")
        for _ in range(MAX_CONFLICTS):
            client = await self._store.clients.get(client_id)
            if client is None:
                raise NotFoundError(
                    f"there is no app {client_id}",
                    reason=Reason.APP_NOT_FOUND,
                    metadata={"client_id": client_id},
                )
            # Before, so that a crash leaves an app whose keys are revoked, and not keys of no app.
            await self._app_keys.revoke_all(client_id)
            if await self._store.clients.remove(client_id, client):
                # And after: one may have been made since.
                await self._app_keys.revoke_all(client_id)
                self._audit.record(APP_REMOVED, client_id=client_id, name=client.name)
                return
        raise UnavailableError(f"app {client_id} keeps changing")
