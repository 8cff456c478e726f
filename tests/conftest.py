"""What all tests share."""

import structlog


def pytest_configure() -> None:
    """Log tracebacks plainly: with the values of all locals, one takes seconds to write."""
    renderer = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], renderer])
