"""Checks of `infra/terraform/` that need no cloud and no account."""
