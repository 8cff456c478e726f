"""How Prometheus scrapes Aviary and which rules it goes by."""

from pathlib import Path
from typing import Any, Final

__all__ = ["SCRAPE_INTERVAL", "prometheus_config"]

SCRAPE_INTERVAL: Final = "15s"


def prometheus_config(
    rules: str | Path, targets: str | Path, interval: str = SCRAPE_INTERVAL
) -> dict[str, Any]:
    """Build the configuration: a file of rules, and a file (or pattern) that names the targets."""
    return {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": [str(rules)],
        "scrape_configs": [
            {
                "job_name": "aviary",
                "scrape_timeout": interval,
                # Each target has its own `job`: the name of its service.
                "file_sd_configs": [{"files": [str(targets)], "refresh_interval": interval}],
            }
        ],
    }
