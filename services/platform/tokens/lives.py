"""How long tokens live, and by how much the clocks of issuer and edges may differ."""

from typing import Final

__all__ = ["ACCESS_TOKEN_S", "APP_KEY_S", "CLOCK_SKEW_S", "SKEW_S", "USER_TOKEN_S"]


ACCESS_TOKEN_S: Final = 900
"""How long a stolen one works where nobody notices; clients refresh it four times an hour."""


USER_TOKEN_S: Final = 86_400
"""How long edges refuse the access tokens of a user who is gone: other issuers' tokens name our
users too, and may live longer than ours."""


APP_KEY_S: Final = 365 * 86_400
"""An API key of a year: one that is forgotten ends by itself, and so does its revocation."""


SKEW_S: Final = 60
"""A key stays this much longer than what it signed, for verifiers with slow clocks."""


# Seconds by which clocks of issuers and edges may differ; machines that keep time do better.
CLOCK_SKEW_S = 5
