"""Backups of one machine's Aviary: all stores as they were at one moment, and the way back."""
