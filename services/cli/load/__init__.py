"""Fills a running Aviary with a follow graph and tweets, through its public REST API."""
