"""Valkey: the client, its breaker, and scripts that share round trips."""
