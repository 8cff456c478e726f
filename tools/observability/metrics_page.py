"""docs/reference/metrics.md, made of the list in services/platform/observability/names.py."""

from tools.observability.series import documented

__all__ = ["page"]

HEAD = """# Metrics

Every metric that a process records, with its name in Prometheus. This page is made by
`make generate` from the list in `services/platform/observability/names.py`; do not edit it.

Each process sends its metrics by OTLP to the collector that `OTEL_EXPORTER_OTLP_ENDPOINT` names,
and shows them to Prometheus at `http://$AVIARY_METRICS_ADDRESS/metrics`; both, either or neither.
Labels are written with `_` in Prometheus: `rpc.method` is `rpc_method`. A histogram is three series
there, with `_bucket`, `_sum` and `_count` after the name. `process_cpu_seconds_total`,
`process_resident_memory_bytes` and their like come with them, and the edge's own figures from Envoy
(`envoy_…`). [Watch Aviary](../how-to/watch-aviary.md) says how to look at them.

| metric | in Prometheus | what it is |
| --- | --- | --- |
"""


def page() -> str:
    """Write the page."""
    lines = [f"| `{each.name}` | `{each.series}` | {each.text} |" for each in documented()]
    return HEAD + "\n".join(lines) + "\n"
