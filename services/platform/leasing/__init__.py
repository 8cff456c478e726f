"""Leases of Snowflake worker numbers, kept by each process that makes ids."""
