"""Ids: Snowflakes, what they say of time, and request ids."""
