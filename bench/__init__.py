"""Measures a running Aviary against references, all within one run on the same cores."""
