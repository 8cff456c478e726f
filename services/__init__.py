"""Aviary's services: one folder each, one process each, one owner of its data each."""
