"""Tags of languages (BCP 47) as people give them."""

import re
from typing import Final

from services.platform.errors import InvalidArgumentError

__all__ = ["canonical_language_tag"]

_TAG: Final = re.compile(
    r"(?P<language>[A-Za-z]{2,3})(?:-(?P<script>[A-Za-z]{4}))?(?:-(?P<region>[A-Za-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3})){0,2})"
)
"""What a text can be in: at most 30 characters, as there are no extensions, no private use and none
of the tags of before 2006."""


def canonical_language_tag(field: str, tag: str) -> str:
    """Give a well-formed tag with the cases that BCP 47 recommends, as in `zh-Hant-TW`.

    Raises `InvalidArgumentError` on `field` for any other text. Whether the subtags are registered
    is not looked up: the registry grows.
    """
    found = _TAG.fullmatch(tag)
    if found is None:
        raise InvalidArgumentError(field, "must be a language tag such as en, pt-BR or zh-Hant")
    script, region = found["script"], found["region"]
    return "".join(
        (
            found["language"].lower(),
            f"-{script.title()}" if script else "",
            f"-{region.upper()}" if region else "",
            found["variants"].lower(),
        )
    )
