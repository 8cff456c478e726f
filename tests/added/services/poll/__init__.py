"""A service that only a test adds."""
