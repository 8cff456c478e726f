"""Python reads this at its start: it lays the added service's folder beside the others."""

from pathlib import Path

import services

services.__path__.append(str(Path(__file__).resolve().parents[1] / "services"))
