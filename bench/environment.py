"""The environment of what is measured."""

import os

__all__ = ["environment"]


def environment() -> dict[str, str]:
    """Give the one to start Aviary with.

    It has none of the settings that whoever runs the benchmark may have set for an Aviary of
    theirs: figures are of the defaults.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("AVIARY_")}
