"""The tweet service."""
