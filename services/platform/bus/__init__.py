"""Durable messages between services."""
