"""Who exists, for tests that have no user service."""

from services.platform.error_reasons import Reason
from services.platform.errors import NotFoundError


class Owners:
    """Everybody but those who are `gone`; counts who was asked for."""

    def __init__(self) -> None:
        self.gone: set[int] = set()
        self.asked: list[int] = []

    async def check(self, user_id: int) -> None:
        self.asked.append(user_id)
        if user_id in self.gone:
            raise NotFoundError("user_id: nobody", reason=Reason.USER_NOT_FOUND)
