"""The fanout service."""
