"""Clocks, deadlines, background loops and readiness of a process."""
