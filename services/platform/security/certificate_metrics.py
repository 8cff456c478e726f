"""How long the certificate of this process is still good, as a gauge."""

from datetime import UTC, datetime

from opentelemetry import metrics
from opentelemetry.metrics import Observation

from services.platform.observability.names import METRIC_CERTIFICATE_REMAINING, SCOPE
from services.platform.security.tls import TlsFiles

__all__ = ["observe_certificate"]


def observe_certificate(
    files: TlsFiles, variable: str, *, meter_provider: metrics.MeterProvider | None = None
) -> None:
    """Report what is left of the one in use, whenever an exporter asks."""

    def observe(_options: object) -> list[Observation]:
        left = files.current.expires - datetime.now(UTC)
        return [Observation(left.total_seconds(), {"variable": variable})]

    meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
    meter.create_observable_gauge(METRIC_CERTIFICATE_REMAINING, [observe], unit="s")
