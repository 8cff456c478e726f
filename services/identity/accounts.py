"""Signing up and logging in, another password, and the end of an account.

A sign-up needs the user service and our own store to agree, with nothing that spans both. So it is
written down first, with the hash of the password and a request id. Whoever finds it later, after a
crash, finishes it: the user service knows the request id, and gives the same user.
"""

import secrets
from dataclasses import replace
from typing import Final

import structlog

from services.identity.devices import NOBODY, Devices
from services.identity.guesses import Guesses, of_device, of_handle, of_session
from services.identity.model import Credential, PasswordChange, SignUp, credential_key, user_of
from services.identity.passwords import Passwords
from services.identity.ports import Account, UserDirectory
from services.identity.revocations import Revocations
from services.identity.sessions import Sessions
from services.identity.store import IdentityStore
from services.platform.audit.port import LOG_IN, LOG_IN_FAILED, PASSWORD_CHANGED, SIGNED_UP, Audit
from services.platform.error_reasons import Reason
from services.platform.errors import (
    AlreadyExistsError,
    AviaryError,
    FailedPreconditionError,
    InvalidArgumentError,
    PermissionDeniedError,
)
from services.platform.observability.log_events import EVENT_IDENTITY_SIGN_UP_STUCK
from services.platform.runtime.clock import Clock, is_recent
from services.platform.text.handles import (
    canonical,
    validate_display_name,
    validate_handle,
    validate_new_handle,
)
from services.platform.tokens.revocations import Revocable

__all__ = ["Accounts"]

RESUME_AFTER_MS: Final = 15_000
"""A sign-up this old is nobody's any more: longer than the edge lets a request take."""

RESUME_POLL_S: Final = 5.0
REQUEST_ID_BYTES: Final = 16
_log = structlog.get_logger()


class Accounts:
    """The issuer's users and their passwords."""

    def __init__(  # noqa: PLR0913 - its dependencies, by name
        self,
        *,
        store: IdentityStore,
        sessions: Sessions,
        revocations: Revocations,
        users: UserDirectory,
        passwords: Passwords,
        guesses: Guesses,
        devices: Devices,
        clock: Clock,
        audit: Audit,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._revocations = revocations
        self._users = users
        self._passwords = passwords
        self._guesses = guesses
        self._devices = devices
        self._clock = clock
        self._audit = audit

    async def sign_up(self, handle: str, display_name: str, password: str) -> Account:
        """Make a user who can log in; on return that is durable.

        A repeat with the same password while the first try is under way finishes it. Raises
        `InvalidArgumentError`, and `AlreadyExistsError` (`HANDLE_TAKEN`).
        """
        handle, display_name = validate_new_handle(handle), validate_display_name(display_name)
        sign_up = SignUp(
            handle,
            display_name,
            await self._passwords.hash(password, handle, display_name),
            f"signup-{secrets.token_hex(REQUEST_ID_BYTES)}",
            self._clock.now_ms(),
        )
        if not await self._store.sign_ups.add(canonical(handle), sign_up):
            sign_up = await self._pending(handle, password)
        return await self._finish(sign_up)

    async def _pending(self, handle: str, password: str) -> SignUp:
        """Find the sign-up under way that has this password."""
        pending = await self._store.sign_ups.get(canonical(handle))
        if pending is not None:
            guess = await self._guesses.take(of_handle(canonical(handle)), proven=False)
            if await self._passwords.matches(password, pending.password_hash):
                await self._guesses.was_right(guess)
                return pending
        raise AlreadyExistsError(
            f"handle {handle} is taken", reason=Reason.HANDLE_TAKEN, metadata={"handle": handle}
        )

    async def log_in(
        self,
        handle: str,
        password: str,
        client_id: str,
        *,
        device: str = "",
        proven: bool = False,
    ) -> Account | None:
        """Find the user whose password it is; None, after the same work, if it is nobody's.

        `device` is the secret of the browser, empty where it has none; `proven` says that a proof
        of work came along. Raises `TooManyRequestsError` (`STEP_UP_REQUIRED`) after too many wrong
        passwords, whether there is such an account or not.
        """
        account = await self._users.by_handle(handle)
        key = credential_key(NOBODY if account is None else account.user_id)
        known = await self._devices.knows(None if account is None else account.user_id, device)
        subject = of_device(f"{key} {device}") if known else of_handle(canonical(handle))
        guess = await self._guesses.take(subject, proven=proven)
        credential = await self._store.credentials.get(key)
        kept = None if credential is None else credential.password_hash
        matches = await self._passwords.matches(password, kept)
        if not matches or account is None or credential is None:
            self._audit.record(LOG_IN_FAILED, handle=_typed(handle), client_id=client_id)
            return None
        await self._guesses.was_right(guess)
        if self._passwords.is_outdated(credential.password_hash):
            newer = replace(credential, password_hash=await self._passwords.rehash(password))
            await self._store.credentials.replace(key, credential, newer)
        self._audit.record(LOG_IN, user_id=account.user_id, client_id=client_id)
        return replace(account, generation=credential.generation)

    async def remember_device(self, account: Account, device: str) -> str:
        """Note that this browser logged in; gives the secret that it is to keep."""
        return await self._devices.remember(account.user_id, device)

    async def change_password(  # noqa: PLR0913 - what was shown, by name
        self,
        account: Account,
        old: str,
        new: str,
        *,
        session: str,
        client_id: str,
        proven: bool = False,
    ) -> int:
        """Set a new password, and end all other sessions than this; gives how many ended.

        They end with the write of the password, as theirs is another one.

        Raises `PermissionDeniedError` outside of a session (`NO_SESSION`) and for a wrong password
        (`WRONG_PASSWORD`), `TooManyRequestsError` (`STEP_UP_REQUIRED`) after too many wrong ones in
        this session, `InvalidArgumentError` for a new one that cannot be one, and
        `FailedPreconditionError` (`PASSWORD_CHANGED`) when it was changed meanwhile.
        """
        if not session:
            raise PermissionDeniedError(
                "only who has logged in may change a password", reason=Reason.NO_SESSION
            )
        guess = await self._guesses.take(of_session(session), proven=proven)
        key = credential_key(account.user_id)
        credential = await self._store.credentials.get(key)
        kept = None if credential is None else credential.password_hash
        if not await self._passwords.matches(old, kept) or credential is None:
            self._audit.record(LOG_IN_FAILED, handle=account.handle, client_id=client_id)
            raise PermissionDeniedError("the password is wrong", reason=Reason.WRONG_PASSWORD)
        await self._guesses.was_right(guess)
        changed = Credential(
            await self._passwords.hash(new, account.handle),
            self._clock.now_ms(),
            generation=credential.generation + 1,
            kept_session=session,
        )
        # Written down, so that whoever finds it after a crash publishes to the edges what ended.
        under_way = PasswordChange(changed.set_at_ms)
        await self._store.password_changes.put(key, under_way)
        if not await self._store.credentials.replace(key, credential, changed):
            raise FailedPreconditionError(
                "the password was changed meanwhile", reason=Reason.PASSWORD_CHANGED
            )
        ended = await self._end_outdated(account.user_id)
        await self._store.password_changes.remove(key, under_way)
        self._audit.record(PASSWORD_CHANGED, user_id=account.user_id, ended=ended)
        return ended

    async def erase(self, user_id: int) -> None:
        """Forget the password of a user who is gone, and end all their tokens; idempotent."""
        await self._revocations.revoke(Revocable.USER, str(user_id))
        await self._sessions.end_all(user_id)
        await self._devices.forget(user_id)
        key = credential_key(user_id)
        credential = await self._store.credentials.get(key)
        if credential is not None:
            await self._store.credentials.remove(key, credential)

    async def resume(self) -> None:
        """Finish sign-ups and changes of passwords that were cut off."""
        await self._resume_sign_ups()
        await self._resume_password_changes()

    async def _resume_password_changes(self) -> None:
        now = self._clock.now_ms()
        async for key, change in self._store.password_changes.stream():
            if not is_recent(change.started_at_ms, now, RESUME_AFTER_MS):
                # Whether it came to the new password or not: only what is outdated ends.
                await self._end_outdated(user_of(key))
                await self._store.password_changes.remove(key, change)

    async def _end_outdated(self, user_id: int) -> int:
        """End what an old password opened; gives how many sessions there were.

        Browsers are no longer known either: whoever logged in with the old password would have
        guesses of their own at the new one.
        """
        await self._devices.forget(user_id)
        return await self._sessions.end_outdated(user_id)

    async def _resume_sign_ups(self) -> None:
        now = self._clock.now_ms()
        async for _, sign_up in self._store.sign_ups.stream():
            if is_recent(sign_up.started_at_ms, now, RESUME_AFTER_MS):
                continue
            try:
                await self._finish(sign_up)
            except AlreadyExistsError:
                continue  # the handle went to somebody else; the sign-up is removed
            except AviaryError as error:
                _log.warning(EVENT_IDENTITY_SIGN_UP_STUCK, error=str(error))

    async def resume_or_warn(self) -> None:
        """Finish them, or leave them for the next time; to be done every `RESUME_POLL_S`."""
        try:
            await self.resume()
        except AviaryError as error:
            _log.warning(EVENT_IDENTITY_SIGN_UP_STUCK, error=str(error))

    async def _finish(self, sign_up: SignUp) -> Account:
        key = canonical(sign_up.handle)
        try:
            account = await self._users.create(
                sign_up.handle, sign_up.display_name, sign_up.request_id
            )
        except (AlreadyExistsError, InvalidArgumentError):
            await self._store.sign_ups.remove(key, sign_up)
            raise
        credential = Credential(sign_up.password_hash, self._clock.now_ms())
        # It is there where a repeat was faster, with the same password.
        if await self._store.credentials.get(credential_key(account.user_id)) is None:
            # Recorded before it is so: rather twice, by two repeats, than never.
            self._audit.record(SIGNED_UP, user_id=account.user_id, handle=account.handle)
            await self._store.credentials.add(credential_key(account.user_id), credential)
        await self._store.sign_ups.remove(key, sign_up)
        return account


def _typed(handle: str) -> str:
    # People type passwords into the wrong field; what cannot be a handle is not written down.
    try:
        return validate_handle(handle)
    except InvalidArgumentError:
        return "(no handle)"
