"""Tools for people who work on Aviary."""
