"""Logs, traces and metrics: their names, and how a process exports them."""
