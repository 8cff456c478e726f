"""Alerts by what they are about, each with the heading of the page that says what to do."""

from tools.observability.alerts.fanout import fanout_alerts
from tools.observability.alerts.processes import process_alerts
from tools.observability.alerts.requests import edge_alerts, request_alerts
from tools.observability.alerts.rule import RUNBOOK, Rule, alert
from tools.observability.alerts.stores import store_alerts

__all__ = [
    "RUNBOOK",
    "Rule",
    "alert",
    "edge_alerts",
    "fanout_alerts",
    "process_alerts",
    "request_alerts",
    "store_alerts",
]
