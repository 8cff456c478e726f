"""What is wrong with a variable of the environment."""

__all__ = ["SettingsError"]


class SettingsError(ValueError):
    """An environment variable has a value the process cannot start with.

    `got` is None where the value is a secret or the variable is not set.
    """

    def __init__(self, variable: str, *, got: str | None, wanted: str) -> None:
        shown = "a value not shown, or nothing" if got is None else repr(got)
        super().__init__(f"{variable}: got {shown}, wanted {wanted}")
        self.variable = variable
        self.got = got
        self.wanted = wanted
